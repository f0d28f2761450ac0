//! Models and their providers.

use crate::{Area, Code, code};

pub(crate) const AREA: Area =
    Area { title: "Models", note: "A run tries again by itself where waiting may help.", codes: CODES };

const CODES: &[Code] = &[
    code(
        "accounts_unavailable",
        &[503],
        [
            "The account of the tenant cannot be asked, so nothing is spent.",
            "Try again in a moment; an administrator should check that the API gateway runs.",
        ],
        ["无法查询租户账户，因此没有产生费用。", "请稍后重试，并请管理员检查 API 网关是否运行。"],
    ),
    code(
        "all_deployments_resting",
        &[503],
        ["Every server of this model has failed lately and is not used for a while.", "Wait {wait} and try again."],
        ["这个模型的所有服务近期都出错，暂停使用。", "请等待{wait}后重试。"],
    ),
    code(
        "answer_too_long",
        &[413],
        ["The model's answer is longer than what is kept.", "Ask for less, or set a lower limit for the answer."],
        ["模型的回答超出了保存上限。", "请减少要求的内容，或降低回答的长度上限。"],
    ),
    code("api_error", &[502], ["The provider failed.", "Try again in a moment."], ["模型服务出错。", "请稍后重试。"]),
    code(
        "bad_idempotency_key",
        &[400],
        [
            "The header Idempotency-Key is empty or too long.",
            "Send a short key of your own, a new one for each request.",
        ],
        ["请求头 Idempotency-Key 为空或过长。", "请为每个请求发送一个新的简短的键。"],
    ),
    code(
        "bad_offset",
        &[400],
        ["The position to read on from is not valid.", "Read the answer from its beginning."],
        ["续读的位置无效。", "请从头读取回答。"],
    ),
    code(
        "budgets_unavailable",
        &[503],
        [
            "The store that counts budgets cannot be reached.",
            "Try again in a moment; an administrator should check it.",
        ],
        ["无法访问预算计数的存储。", "请稍后重试，并请管理员检查。"],
    ),
    code(
        "call_cancelled",
        &[409],
        ["The call to the model was cancelled.", "Ask again if the answer is still wanted."],
        ["对模型的调用已取消。", "如仍需要回答，请重新提问。"],
    ),
    code(
        "call_not_found",
        &[404],
        ["There is no such call to a model.", "Name the call by the header x-septet-call of its answer."],
        ["没有这次模型调用。", "请使用回答的 x-septet-call 请求头中的编号。"],
    ),
    code(
        "call_not_judged",
        &[400],
        [
            "This call was not routed by difficulty, so no outcome is kept for it.",
            "Report only calls of routes by difficulty.",
        ],
        ["这次调用没有按难度选择模型，不记录结果。", "请只上报按难度选择的调用。"],
    ),
    code(
        "caller_left",
        &[503],
        ["Whoever asked has left before the answer.", "Ask again under the same key."],
        ["提问方在回答之前已离开。", "请用同一个键重新请求。"],
    ),
    code(
        "calls_missing",
        &[503],
        ["The model announced tool calls and gave none.", "Ask again; a run has tried by itself before."],
        ["模型声明要调用工具但没有给出调用。", "请重新提问；运行此前已自动重试。"],
    ),
    code(
        "context_length_exceeded",
        &[400],
        [
            "The conversation is longer than the model can read.",
            "Shorten it, begin a new one, or choose a model with a larger context.",
        ],
        ["对话超出了模型可读取的长度。", "请缩短内容、开始新的对话，或选择上下文更长的模型。"],
    ),
    code(
        "empty_answer",
        &[],
        ["The model ended its answer without any content.", "Ask again; a run has tried by itself before."],
        ["模型没有给出任何内容就结束了回答。", "请重新提问；运行此前已自动重试。"],
    ),
    code(
        "invalid_prompt",
        &[400],
        ["The provider does not accept this question.", "Change it and try again."],
        ["模型服务不接受这个问题。", "请修改后重试。"],
    ),
    code(
        "model_not_allowed",
        &[403],
        ["This key may not use the model.", "Choose another model, or ask for a key that may."],
        ["这个密钥不能使用该模型。", "请另选模型，或申请有权限的密钥。"],
    ),
    code(
        "model_not_found",
        &[404],
        ["There is no such model or agent.", "Choose another one; GET /v1/models lists what there is."],
        ["这个模型或智能体不存在。", "请另选一个；GET /v1/models 列出全部可用项。"],
    ),
    code(
        "not_offered",
        &[400],
        ["No deployment of this model offers what the request needs.", "Leave it out, or choose another model."],
        ["这个模型不提供请求所需的功能。", "请去掉该功能，或另选模型。"],
    ),
    code(
        "provider_address_forbidden",
        &[503],
        [
            "The provider is at an address that may not be called.",
            "An administrator can allow it with allow_private = true of the provider.",
        ],
        ["模型服务的地址不允许访问。", "管理员可在该服务的设置中用 allow_private = true 放行。"],
    ),
    code(
        "provider_cut_off",
        &[503],
        ["The provider broke off in the middle of the answer.", "Try again."],
        ["模型服务在回答中途断开。", "请重试。"],
    ),
    code(
        "provider_error",
        &[503],
        ["The provider reported an error in the middle of the answer.", "Try again in a moment."],
        ["模型服务在回答中途报错。", "请稍后重试。"],
    ),
    code(
        "provider_failed",
        &[503],
        ["The provider failed.", "Try again in a moment; if it stays so, an administrator should check the provider."],
        ["模型服务出错。", "请稍后重试；如果一直如此，请管理员检查模型服务。"],
    ),
    code(
        "provider_garbled",
        &[503],
        [
            "The provider's answer does not follow its protocol.",
            "An administrator should check base_url and kind of the provider.",
        ],
        ["模型服务的回答不符合协议。", "请管理员检查该服务的 base_url 和 kind。"],
    ),
    code(
        "provider_has_no_such_model",
        &[404],
        ["The provider does not have this model.", "Choose another model; an administrator should correct its name."],
        ["模型服务没有这个模型。", "请另选模型，并请管理员更正名称。"],
    ),
    code(
        "provider_key_refused",
        &[503],
        ["The provider refused our key.", "An administrator should check the provider's api_key."],
        ["模型服务拒绝了密钥。", "请管理员检查该服务的 api_key。"],
    ),
    code(
        "provider_loading",
        &[503],
        ["The provider is still loading the model.", "Wait {wait} and try again."],
        ["模型服务仍在加载模型。", "请等待{wait}后重试。"],
    ),
    code(
        "provider_misconfigured",
        &[503],
        [
            "The provider cannot be asked as its settings say.",
            "An administrator should correct them; `septet check` says more.",
        ],
        ["按现有设置无法访问模型服务。", "请管理员更正设置；`septet check` 会说明原因。"],
    ),
    code(
        "provider_rate_limit",
        &[429],
        ["The provider limits how often it is asked.", "Wait {wait} and try again."],
        ["模型服务限制了请求频率。", "请等待{wait}后重试。"],
    ),
    code(
        "provider_refused",
        &[400, 413, 422],
        ["The provider refused the request.", "Change the question or the parameters; its own words say which."],
        ["模型服务拒绝了请求。", "请修改问题或参数；详情见模型服务的说明。"],
    ),
    code(
        "provider_silent",
        &[504],
        ["The provider said nothing for too long.", "Try again in a moment."],
        ["模型服务长时间没有响应。", "请稍后重试。"],
    ),
    code(
        "provider_unpaid",
        &[503],
        ["The account at the provider is empty.", "An administrator should top it up there."],
        ["模型服务的账户余额不足。", "请管理员到服务商处充值。"],
    ),
    code(
        "provider_unreachable",
        &[503],
        [
            "The provider cannot be reached.",
            "Try again in a moment; if it stays so, an administrator should check its address.",
        ],
        ["无法连接模型服务。", "请稍后重试；如果一直如此，请管理员检查其地址。"],
    ),
    code(
        "unsupported_parameter",
        &[400],
        ["The model does not take one of the parameters.", "Leave out the one that `param` names."],
        ["模型不支持其中一个参数。", "请去掉 `param` 所指的参数。"],
    ),
    code(
        "usage_not_recordable",
        &[503],
        [
            "Usage cannot be written down at the moment, so no model is called.",
            "An administrator should check the disk.",
        ],
        ["暂时无法记录用量，因此不会调用模型。", "请管理员检查磁盘。"],
    ),
    code(
        "wrong_model_kind",
        &[400],
        ["The model does something else, such as embeddings instead of chat.", "Choose a model of the right kind."],
        ["模型类型不符，例如用嵌入模型对话。", "请选择类型相符的模型。"],
    ),
];
