//! Requests, addresses, and the server's own troubles.

use crate::{Area, Code, code};

pub(crate) const AREA: Area = Area { title: "Requests and the server", note: "", codes: CODES };

const CODES: &[Code] = &[
    code(
        "bad_request",
        &[400],
        ["The server did not understand the request.", "Correct what the message names."],
        ["服务器无法理解这个请求。", "请按提示更正。"],
    ),
    code(
        "body_not_received",
        &[400],
        ["The request broke off before it was complete.", "Send it again."],
        ["请求没有完整送达。", "请重新发送。"],
    ),
    code(
        "body_too_complex",
        &[400],
        [
            "The request is made of too many parts, or too deep.",
            "Send fewer items at a time; the message names the list and how many it may have.",
        ],
        ["请求的内容过多或嵌套过深。", "请减少每次发送的条目；提示会指出是哪个列表以及上限。"],
    ),
    code(
        "broken_off",
        &[],
        ["The service that did the work stopped in the middle.", "The job is tried again by itself."],
        ["执行任务的服务中途停止。", "任务会自动重试。"],
    ),
    code(
        "conflict",
        &[409],
        ["Something changed in the meantime.", "Reload the page and try again."],
        ["内容已发生变化。", "请刷新页面后重试。"],
    ),
    code(
        "failed",
        &[],
        ["The job failed.", "Its message says why; try it again after the cause is gone."],
        ["任务失败。", "原因见说明；排除后请重试。"],
    ),
    code(
        "garbled_answer",
        &[503],
        ["A service gave an answer that is not understood.", "Check that all parts have the same version."],
        ["某个服务的回答无法理解。", "请检查各部分的版本是否一致。"],
    ),
    code(
        "idempotency_key_reused",
        &[409],
        ["This Idempotency-Key was used for another request.", "Use a new key for a new request."],
        ["这个 Idempotency-Key 已用于其他请求。", "新的请求请使用新的键。"],
    ),
    code(
        "in_use",
        &[409],
        ["Something still needs this.", "Change what uses it first; the message names it."],
        ["还有其他内容在使用它。", "请先更改使用它的内容，名称见说明。"],
    ),
    code(
        "internal",
        &[500],
        ["Something went wrong at the server.", "Try again; if it stays so, give the request id to an administrator."],
        ["服务器出错了。", "请重试；如果一直如此，请把请求编号告诉管理员。"],
    ),
    code(
        "invalid_field",
        &[422],
        ["A field does not fit.", "Correct the one that is named."],
        ["有一项内容不符合要求。", "请更正所指出的一项。"],
    ),
    code(
        "invalid_json",
        &[400],
        ["The body is not valid JSON.", "Correct it at the place that is named."],
        ["请求内容不是有效的 JSON。", "请在指出的位置更正。"],
    ),
    code(
        "invalid_request",
        &[400],
        ["A field of the request does not fit.", "Correct the one that is named."],
        ["请求中有一项不符合要求。", "请更正所指出的一项。"],
    ),
    code(
        "method_not_allowed",
        &[405],
        ["The address does not take this method.", "Use one of those that the message names."],
        ["这个地址不支持该方法。", "请使用提示中的方法。"],
    ),
    code("name_taken", &[409], ["This name is taken.", "Choose another one."], ["这个名称已被使用。", "请换一个。"]),
    code(
        "no_such_route",
        &[404],
        ["There is no such address.", "Check it; the message names the nearest one."],
        ["没有这个地址。", "请检查；提示中有最接近的地址。"],
    ),
    code(
        "not_found",
        &[404],
        ["This does not exist any more, or belongs to somebody else.", "Reload the page to see what there is."],
        ["内容已不存在，或不属于你。", "请刷新页面查看现有内容。"],
    ),
    code(
        "server_error",
        &[500],
        ["Something went wrong at the server or at the provider.", "Try again in a moment."],
        ["服务器或模型服务出错了。", "请稍后重试。"],
    ),
    code(
        "service_down",
        &[503],
        ["A part of the server cannot be reached.", "Try again in a moment; `septet doctor` says which part it is."],
        ["服务器的一部分无法访问。", "请稍后重试；`septet doctor` 会指出是哪一部分。"],
    ),
    code(
        "silent",
        &[],
        ["The service that did the work said nothing for too long.", "The job is tried again by itself."],
        ["执行任务的服务长时间没有响应。", "任务会自动重试。"],
    ),
    code(
        "spool_full",
        &[503],
        [
            "Records that wait to be stored have filled the space reserved for them on disk.",
            "An administrator should make room, or repair the store.",
        ],
        ["待写入的数据已占满磁盘空间。", "请管理员清理空间，或修复存储。"],
    ),
    code(
        "stopping",
        &[503],
        ["The server is stopping.", "Try again in a moment."],
        ["服务器正在停止。", "请稍后重试。"],
    ),
    code(
        "storage_quota_exceeded",
        &[413],
        [
            "The space that your organisation has for files is used up.",
            "Delete files, containers or conversations that are not needed.",
        ],
        ["组织的文件空间已用完。", "请删除不需要的文件、容器或对话。"],
    ),
    code(
        "timeout",
        &[504],
        ["The server took too long to answer.", "Try again, or ask for less."],
        ["服务器响应超时。", "请重试，或减少要求的内容。"],
    ),
    code(
        "unavailable",
        &[503],
        ["A part of the server is not available right now.", "Wait {wait} and try again."],
        ["服务器的部分功能暂时不可用。", "请等待{wait}后重试。"],
    ),
    code(
        "unprocessable",
        &[422],
        ["The request is understood and cannot be carried out.", "Change what the message names."],
        ["请求无法执行。", "请按提示修改。"],
    ),
    code(
        "upgrade_required",
        &[400],
        ["This address opens a WebSocket.", "Send the upgrade headers, or POST a request."],
        ["这个地址用于打开 WebSocket。", "请发送升级请求头，或改用 POST。"],
    ),
];
