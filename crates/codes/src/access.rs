//! Signing in, keys, roles, limits, money.

use crate::{Area, Code, code};

pub(crate) const AREA: Area = Area { title: "Signing in, keys, limits", note: "", codes: CODES };

const CODES: &[Code] = &[
    code(
        "budget_spent",
        &[402],
        ["The budget for models is spent.", "Ask an administrator to raise it, or wait until it starts anew."],
        ["模型预算已用完。", "请联系管理员提高预算，或等待预算重新开始。"],
    ),
    code(
        "concurrency_limit",
        &[429],
        ["Too many requests run at the same time.", "Wait {wait} until one has ended, then try again."],
        ["同时进行的请求太多。", "请等待{wait}，其他请求结束后再试。"],
    ),
    code(
        "csrf_header_missing",
        &[403],
        [
            "A request with the session cookie came without the header x-septet-csrf.",
            "A program should use an API key, not the cookie.",
        ],
        ["带会话 Cookie 的请求缺少 x-septet-csrf 请求头。", "程序请改用 API 密钥，不要使用 Cookie。"],
    ),
    code(
        "exhausted",
        &[429],
        ["A limit is reached.", "Wait {wait} and try again."],
        ["已达到上限。", "请等待{wait}后重试。"],
    ),
    code(
        "forbidden",
        &[403],
        ["This is not allowed to you.", "Ask an owner or administrator of your workspace."],
        ["你没有这项权限。", "请联系工作区的所有者或管理员。"],
    ),
    code(
        "home_tenant",
        &[403],
        ["The home tenant cannot be disabled.", "Disable another tenant, or the users of this one."],
        ["不能停用主租户。", "请停用其他租户，或停用这个租户的用户。"],
    ),
    code(
        "insufficient_balance",
        &[402],
        ["The balance is used up.", "Ask an administrator to top it up."],
        ["余额已用完。", "请联系管理员充值。"],
    ),
    code(
        "invalid_api_key",
        &[401],
        ["The API key is wrong, revoked or expired.", "Check it, or make a new one: septet admin create-key."],
        ["API 密钥不正确、已吊销或已过期。", "请检查密钥，或新建一个：septet admin create-key。"],
    ),
    code(
        "invalid_ticket",
        &[401],
        [
            "The ticket for the WebSocket is unknown, used, or older than 30 seconds.",
            "Get a new one; each opens one connection.",
        ],
        ["WebSocket 票据无效、已使用，或已超过 30 秒。", "请重新获取；每张票据只能打开一个连接。"],
    ),
    code(
        "invalid_token",
        &[401],
        [
            "This sign-in is not valid here.",
            "Sign in again; a program sends an API key as `Authorization: Bearer <key>`.",
        ],
        ["登录凭证在这里无效。", "请重新登录；程序请以 `Authorization: Bearer <key>` 发送 API 密钥。"],
    ),
    code(
        "key_makes_key",
        &[403],
        ["An API key cannot make API keys.", "Sign in with e-mail address and password to make one."],
        ["API 密钥不能创建 API 密钥。", "请用邮箱和密码登录后创建。"],
    ),
    code(
        "key_manages_accounts",
        &[403],
        [
            "An API key cannot make, change or remove accounts and workspaces.",
            "Sign in with e-mail address and password to do that.",
        ],
        ["API 密钥不能创建、修改或删除账号和工作区。", "请用邮箱和密码登录后操作。"],
    ),
    code(
        "last_owner",
        &[409],
        ["This is the last owner of the workspace.", "Make somebody else an owner first."],
        ["这是工作区的最后一位所有者。", "请先把其他人设为所有者。"],
    ),
    code(
        "login_throttled",
        &[429],
        ["A password was wrong too often.", "Wait {wait} and try again."],
        ["密码错误次数过多。", "请等待{wait}后重试。"],
    ),
    code(
        "no_credentials",
        &[401],
        ["Nobody is signed in.", "Sign in; a program sends an API key as `Authorization: Bearer <key>`."],
        ["尚未登录。", "请登录；程序请以 `Authorization: Bearer <key>` 发送 API 密钥。"],
    ),
    code(
        "no_key",
        &[401],
        ["The sandbox runner was asked without a key.", "Send a key of its settings as `Authorization: Bearer <key>`."],
        ["访问沙箱服务时没有带密钥。", "请以 `Authorization: Bearer <key>` 发送设置中的密钥。"],
    ),
    code("no_session", &[401], ["The session is over.", "Sign in again."], ["会话已结束。", "请重新登录。"]),
    code(
        "not_home",
        &[403],
        ["Only owners of the home tenant manage tenants.", "Ask the operator of this installation."],
        ["只有主租户的所有者可以管理租户。", "请联系系统的运维人员。"],
    ),
    code(
        "not_operator",
        &[403],
        ["Only an owner of the home tenant may do this.", "Ask the operator of this installation."],
        ["只有主租户的所有者可以这样做。", "请联系系统的运维人员。"],
    ),
    code(
        "payment_required",
        &[402],
        ["The balance or budget is used up.", "Ask an administrator to top it up."],
        ["余额或预算已用完。", "请联系管理员充值。"],
    ),
    code(
        "permission_denied",
        &[403],
        ["Your role does not allow this.", "Ask an owner or administrator for a role that does."],
        ["你的角色没有这项权限。", "请向所有者或管理员申请相应的角色。"],
    ),
    code(
        "rate_limit_exceeded",
        &[429],
        ["There were too many requests.", "Wait {wait} and try again."],
        ["请求太频繁。", "请等待{wait}后重试。"],
    ),
    code(
        "refresh_replayed",
        &[401],
        ["A refresh token was used twice, so the session was ended for safety.", "Sign in again."],
        ["刷新令牌被重复使用，为安全起见会话已结束。", "请重新登录。"],
    ),
    code(
        "refresh_stale",
        &[409],
        [
            "Another tab has renewed this session already.",
            "Reload the page, or use the token that the other was given.",
        ],
        ["其他标签页已续期此会话。", "请刷新页面，或使用新的令牌。"],
    ),
    code(
        "request_limit",
        &[429],
        ["There were too many requests to the model.", "Wait {wait} and try again."],
        ["对模型的请求太频繁。", "请等待{wait}后重试。"],
    ),
    code(
        "rights_lost",
        &[],
        [
            "Whoever asked for this was locked out or removed, or their API key was revoked, before it was done.",
            "Give them access again and retry the job, or ask for the work yourself.",
        ],
        ["发起者在任务完成前已被停用或移除，或者其 API 密钥已被吊销。", "请恢复其访问权限后重试任务，或自行重新发起。"],
    ),
    code(
        "rights_unknown",
        &[503],
        [
            "Whether your access is still valid cannot be checked right now.",
            "Wait {wait} and try again; the operator should check the management service.",
        ],
        ["暂时无法确认你的访问权限是否仍然有效。", "请等待{wait}后重试；运维人员应检查管理服务。"],
    ),
    code(
        "role_above_own",
        &[403],
        ["Nobody changes or gives a role above their own.", "Ask somebody with a higher role."],
        ["不能更改或授予高于自己的角色。", "请联系角色更高的人。"],
    ),
    code(
        "session_ended",
        &[401],
        ["This session was ended.", "Sign in again; your conversations and running answers are still there."],
        ["会话已被结束。", "请重新登录；对话和正在生成的回答都还在。"],
    ),
    code(
        "token_expired",
        &[401],
        ["The sign-in has expired.", "Sign in again; a program renews its token at /api/auth/refresh."],
        ["登录已过期。", "请重新登录；程序请在 /api/auth/refresh 续期令牌。"],
    ),
    code(
        "token_limit",
        &[429],
        ["Too many tokens were used in a short time.", "Wait {wait} and try again."],
        ["短时间内使用的 Token 太多。", "请等待{wait}后重试。"],
    ),
    code(
        "too_many_connections",
        &[429, 503],
        ["There are too many connections.", "Close some, or use them again; then try again in a moment."],
        ["连接过多。", "请关闭或复用已有连接，稍后重试。"],
    ),
    code(
        "unauthenticated",
        &[401],
        ["Nobody is signed in.", "Sign in; a program sends an API key as `Authorization: Bearer <key>`."],
        ["尚未登录。", "请登录；程序请以 `Authorization: Bearer <key>` 发送 API 密钥。"],
    ),
    code(
        "wrong_credentials",
        &[401],
        ["The e-mail address or the password is wrong.", "Check both and try again."],
        ["邮箱或密码不正确。", "请检查后重试。"],
    ),
    code(
        "wrong_password",
        &[401],
        ["The e-mail address or the password is wrong.", "Check both and try again."],
        ["邮箱或密码不正确。", "请检查后重试。"],
    ),
];
