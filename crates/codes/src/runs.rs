//! Runs, conversations, tools, code in the sandbox.

use crate::{Area, Code, code};

pub(crate) const AREA: Area = Area {
    title: "Runs and code",
    note: "Those without a status stand in `error` of a run or in the output of a tool. An error of the code itself is no error of the platform: \
           the model sees it, and usually tries again.",
    codes: CODES,
};

const CODES: &[Code] = &[
    code(
        "bad_arguments",
        &[],
        [
            "The model called a tool with arguments that do not fit.",
            "It is told so and usually tries again; ask again if not.",
        ],
        ["模型调用工具时参数不正确。", "模型会得知并通常重试；如果没有，请重新提问。"],
    ),
    code(
        "cancelled",
        &[],
        ["The run ended before this was done.", "Ask again if it is still wanted."],
        ["运行在完成前已结束。", "如仍需要，请重新提问。"],
    ),
    code(
        "clock_wrong",
        &[],
        ["The clock of the server is wrong.", "Ask the operator to set it; ask again then."],
        ["服务器的时钟不正确。", "请联系管理员校准时钟，然后重新提问。"],
    ),
    code(
        "code_error",
        &[],
        ["The code ended with an error.", "The model sees it and usually corrects the code; ask again if not."],
        ["代码运行出错。", "模型会看到错误并通常会修正；如果没有，请重新提问。"],
    ),
    code(
        "code_killed",
        &[],
        ["The code was stopped from outside.", "Ask again."],
        ["代码被外部停止。", "请重新提问。"],
    ),
    code(
        "code_memory",
        &[],
        ["The code needed more memory than allowed and was stopped.", "Ask for less data at once."],
        ["代码超过了允许的内存，已被停止。", "请减少一次处理的数据。"],
    ),
    code(
        "code_timeout",
        &[],
        [
            "The code ran longer than allowed and was stopped.",
            "Ask for a smaller piece of work, or raise the limit in `[sandbox]`.",
        ],
        ["代码超过了允许的运行时间，已被停止。", "请缩小任务范围，或在 `[sandbox]` 中调高时限。"],
    ),
    code(
        "container_expired",
        &[409],
        ["The sandbox was not used for long and has expired.", "Its files can still be read; code needs a new one."],
        ["沙箱长时间未使用，已过期。", "其中的文件仍可读取；运行代码需要新建沙箱。"],
    ),
    code(
        "content_filter",
        &[],
        ["The provider of the model withheld the rest of the answer.", "Ask in other words, or choose another model."],
        ["模型提供方拦截了其余的回答。", "请换一种说法，或选择其他模型。"],
    ),
    code(
        "conversation_busy",
        &[409],
        ["An answer is still running in this conversation.", "Wait for it, or stop it first."],
        ["这个对话里还有回答正在生成。", "请等待或先停止它。"],
    ),
    code(
        "conversation_not_found",
        &[404],
        ["The conversation does not exist any more, or belongs to somebody else.", "Start a new one."],
        ["对话已不存在，或不属于你。", "请新建对话。"],
    ),
    code(
        "egress_not_permitted",
        &[403],
        [
            "The sandbox asks for a domain that the operator does not permit.",
            "Leave it out, or have it added to `egress_domains` in `[sandbox]`.",
        ],
        ["沙箱请求访问未获许可的域名。", "请去掉该域名，或请管理员加入 `[sandbox]` 的 `egress_domains`。"],
    ),
    code(
        "empty_input",
        &[400],
        ["The question is empty.", "Write something and send it again."],
        ["问题是空的。", "请输入内容后再发送。"],
    ),
    code(
        "execution_elsewhere",
        &[503],
        ["Another process is running this very code.", "Ask again in a moment."],
        ["另一个进程正在运行同一段代码。", "请稍后重试。"],
    ),
    code(
        "interrupted",
        &[],
        [
            "A crash broke a tool call off, and nobody knows how far it came.",
            "Look at how things stand where it acts, then ask again.",
        ],
        ["一次工具调用因崩溃中断，无法得知进行到哪一步。", "请先查看它所作用之处的状态，再重新提问。"],
    ),
    code(
        "max_output_tokens",
        &[],
        [
            "The model reached its limit of tokens before its answer was over.",
            "Ask for less at a time, or choose a model that may write more.",
        ],
        ["模型在回答完成前达到了 token 上限。", "请减少一次要求的内容，或选择允许更长回答的模型。"],
    ),
    code(
        "max_steps",
        &[],
        ["The run used all the turns that its agent allows.", "Ask for less, or raise `max_steps` of the agent."],
        ["运行已用完智能体允许的步数。", "请减少要求的内容，或调高智能体的 `max_steps`。"],
    ),
    code(
        "max_tool_calls",
        &[],
        [
            "The run used all the tool calls that its agent allows.",
            "Ask for less, or raise `max_tool_calls` of the agent.",
        ],
        ["运行已用完智能体允许的工具调用次数。", "请减少要求的内容，或调高智能体的 `max_tool_calls`。"],
    ),
    code(
        "nothing_runs",
        &[409],
        ["No code runs in this sandbox now.", "There is nothing to interrupt."],
        ["这个沙箱里没有正在运行的代码。", "无需中断。"],
    ),
    code(
        "recovery_limit",
        &[],
        ["The run was interrupted several times and was given up.", "Ask again."],
        ["运行多次中断，已放弃。", "请重新提问。"],
    ),
    code(
        "response_not_found",
        &[404],
        ["The answer does not exist any more, or belongs to somebody else.", "Ask again."],
        ["回答已不存在，或不属于你。", "请重新提问。"],
    ),
    code(
        "run_failed",
        &[503],
        ["The run of the agent failed.", "Try again; the message says what went wrong."],
        ["智能体的运行失败。", "请重试；详细原因见说明。"],
    ),
    code(
        "sandbox_lost",
        &[503],
        ["The sandbox ended while the code ran.", "Ask again; a new one is made."],
        ["代码运行时沙箱意外结束。", "请重新提问，系统会新建沙箱。"],
    ),
    code(
        "sandbox_unavailable",
        &[503],
        ["No code can be run at the moment.", "Run `septet doctor` on the server to see what is missing."],
        ["暂时无法运行代码。", "请在服务器上运行 `septet doctor` 查看缺少什么。"],
    ),
    code(
        "steering_not_supported",
        &[],
        ["A run that has begun does not take further messages.", "Wait for it, or cancel it and ask anew."],
        ["已开始的运行不能再接收消息。", "请等待，或取消后重新提问。"],
    ),
    code(
        "stream_interrupted",
        &[],
        ["The stream of the answer broke off; the run goes on.", "Read on from the last number that was seen."],
        ["回答的数据流中断，运行仍在继续。", "请从最后收到的序号继续读取。"],
    ),
    code(
        "time_limit",
        &[],
        ["The run took longer than its agent may take.", "Ask a narrower question, or raise the limit of the agent."],
        ["运行超过了智能体允许的时长。", "请把问题问得更具体，或调高智能体的上限。"],
    ),
    code(
        "too_many_runs",
        &[429],
        ["Too many runs of your workspace wait already.", "Wait {wait} until some have ended, then try again."],
        ["你的工作区排队的运行太多。", "请等待{wait}，部分运行结束后再试。"],
    ),
    code(
        "too_many_sandboxes",
        &[429],
        ["All sandboxes are in use.", "Wait {wait} for one to end, or delete one."],
        ["沙箱已全部占用。", "请等待{wait}，或删除一个沙箱。"],
    ),
    code(
        "unknown_time_zone",
        &[],
        [
            "The model asked for the time in a zone that does not exist.",
            "It is told so and usually tries again; name a city if not.",
        ],
        ["模型查询了不存在的时区。", "模型会得知并通常重试；如果没有，请写明城市。"],
    ),
    code(
        "unknown_tool",
        &[],
        ["The model called a tool that does not exist.", "It is told so and usually tries again; ask again if not."],
        ["模型调用了不存在的工具。", "模型会得知并通常重试；如果没有，请重新提问。"],
    ),
    code(
        "variables_not_copied",
        &[422],
        ["The variables of the sandbox could not be copied.", "Run the code again in the new sandbox."],
        ["无法复制沙箱中的变量。", "请在新的沙箱里重新运行代码。"],
    ),
];
