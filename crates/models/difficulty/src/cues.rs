//! Words that say what kind of work a prompt asks for, in English and in Chinese.
//!
//! Both languages share the classes, so that what the labels (English exam questions) teach about a class reaches
//! Chinese prompts too. English is matched by whole words in lower case; Chinese by one or two characters, since it
//! writes no spaces: a longer Chinese word is listed by the two characters that only it has.

use std::sync::LazyLock;

use crate::hash;

/// What a cue word hints at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cue {
    /// Proofs, derivations, higher mathematics.
    Proof,
    /// Judgement over much material, or building something.
    Analysis,
    /// One thing after the other.
    Steps,
    /// Greetings, translations, look-ups: work that any model does.
    Simple,
    /// How quantities relate.
    Relation,
    /// Percentages, speeds, averages.
    Rate,
    /// What is turned round: not, except, without.
    Negation,
    /// Cases and assumptions.
    Condition,
    /// Numbers as words, each, every.
    Quantity,
    /// What was before, or is left over: questions that must be solved backwards.
    Backwards,
    /// What asks for a fact.
    Fact,
    /// What asks for a reason or a way.
    Reason,
    /// Parts of a whole.
    Fraction,
    /// Programs.
    Code,
    /// Who must be kept track of.
    Pronoun,
    /// Lengths, times, weights, money.
    Unit,
    /// Judgements of right and wrong, laws, liability.
    Norm,
}

/// How many classes there are.
pub(crate) const CLASSES: usize = 17;

const WORDS: [(Cue, &str); CLASSES] = [
    (
        Cue::Proof,
        "prove proof proven derive derivation theorem lemma corollary integral derivative differential equation \
         equations matrix polynomial eigenvalue vector function probability converge converges continuous isomorphic \
         subgroup ring field induction contradiction rigorous rigorously axiom predicate proposition valid \
         证明 推导 定理 求证 积分 方程 矩阵 导数 微分 概率 数列 函数 极限 归纳 反证 严格 向量 收敛 特征值 不等",
    ),
    (
        Cue::Analysis,
        "analyze analyse analysis analyzing compare comparison contrast evaluate assess critique design architecture \
         architect optimize optimise implement refactor debug diagnose investigate strategy tradeoff tradeoffs trade \
         justify synthesize forecast model root cause reconcile simulate benchmark plan \
         分析 对比 比较 评估 设计 架构 优化 调试 实现 重构 诊断 策略 方案 论证 权衡 归因 排查 预测 建模 规划 推理 综合 趋势 风险 \
         原因 财报 报表 异常 建议 迁移 并发",
    ),
    (
        Cue::Steps,
        "first second third then next finally after afterwards until while step steps later followed subsequently \
         首先 然后 接着 最后 其次 步骤 之后 分别 依次 逐步 并且 再 随后 同时 最终 并给 详细 完整",
    ),
    (
        Cue::Simple,
        "hello hi hey thanks thank translate spell capital synonym rhyme bye \
         你好 您好 谢谢 翻译 改写 润色 是谁 天气 几点 早上 晚上 再见 首都 同义 拼写 在吗 几岁 笑话 哪天",
    ),
    (
        Cue::Relation,
        "than more less fewer times twice double triple thrice ratio difference same equal equally as total altogether \
         combined exactly \
         倍 比 相差 更多 更少 比例 一样 相等 总共 一共 合计 共有 多于 少于",
    ),
    (
        Cue::Rate,
        "percent percentage rate speed average discount profit interest tax tip increase increased increases decrease \
         decreased decreases faster slower velocity acceleration mean median deviation variance \
         百分 平均 速度 利润 利率 折扣 增长 同比 环比 税 毛利 下降 提高 降低 增加 减少 每小 每天 加速 方差",
    ),
    (
        Cue::Negation,
        "not no never nor neither none except without least false incorrect cannot isn't doesn't don't didn't won't \
         instead however but only unless \
         不 没 除了 以外 错误 非 但 未 无 只有 仅",
    ),
    (
        Cue::Condition,
        "if suppose assume assuming given let whether would could might when \
         如果 假设 假如 若 给定 已知 设 当 条件 满足 要求 那么",
    ),
    (
        Cue::Quantity,
        "one two three four five six seven eight nine ten eleven twelve twenty dozen each every per all both any \
         每 各 两 三 四 五 六 七 八 九 十 所有 全部 任意",
    ),
    (
        Cue::Backwards,
        "remaining rest left remainder original originally initially initial before started began start back \
         剩下 还剩 原来 原价 最初 剩余 开始 之前 余下 反推",
    ),
    (
        Cue::Fact,
        "what which who whom where whose following \
         什么 哪 谁 哪里 哪个 下列 以下 是多 多少 几",
    ),
    (
        Cue::Reason,
        "why how explain because therefore thus hence reason reasons \
         为什 为何 如何 怎么 怎样 解释 因为 所以 因此 由于 理由 说明",
    ),
    (
        Cue::Fraction,
        "half halves quarter quarters fifth fifths tenth tenths sixth eighth thirds fraction fractions rds \
         一半 半 之一 分之 之二 分数",
    ),
    (
        Cue::Code,
        "code function class sql python rust java javascript compile bug api thread regex algorithm def return import \
         struct void int null exception deadlock database query loop array recursion complexity \
         代码 函数 报错 接口 线程 数据 脚本 编程 算法 死锁 复杂 递归 数组 异步 编译 程序 索引 分布 缓存",
    ),
    (
        Cue::Pronoun,
        "he she his her hers they them their it its him \
         他 她 它 们 其",
    ),
    (
        Cue::Unit,
        "inch inches foot feet yard yards mile miles meter meters cm km kg gram grams pound pounds ounce ounces hour \
         hours minute minutes second seconds day days week weeks month months year years cent cents dollar dollars cup \
         cups gallon gallons liter liters degrees \
         米 厘米 公里 千克 公斤 克 小时 分钟 秒 天 周 月 年 元 角 升 千米 万元 亿元",
    ),
    (
        Cue::Norm,
        "wrong right moral morally ethical should must law court plaintiff defendant statute liable constitutional \
         guilty contract judge evidence crime \
         道德 法律 法院 原告 被告 合同 违法 责任 合规 条款 证据 应当 是否",
    ),
];

/// Open addressing; a free place holds 0.
const PLACES: usize = 2048;

struct Table {
    keys: [u64; PLACES],
    classes: [u8; PLACES],
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { keys: [0; PLACES], classes: [0; PLACES] };
    for (cue, words) in WORDS {
        for word in words.split_ascii_whitespace() {
            let mut key = if hash::is_cjk(word.chars().next().unwrap_or(' ')) { hash::CJK } else { hash::WORD };
            for character in word.chars().take(if word.is_ascii() { usize::MAX } else { 2 }) {
                key = hash::push(key, character);
            }
            let mut place = (key >> 53) as usize;
            while table.keys[place] != 0 && table.keys[place] != key {
                place = (place + 1) % PLACES;
            }
            // The first class that lists a word has it.
            if table.keys[place] == 0 {
                table.keys[place] = key;
                table.classes[place] = cue as u8;
            }
        }
    }
    table
});

/// The class of the word with this hash, as an index below [`CLASSES`].
pub(crate) fn class(key: u64) -> Option<usize> {
    let table = &*TABLE;
    let mut place = (key >> 53) as usize;
    loop {
        match table.keys[place] {
            0 => return None,
            found if found == key => return Some(usize::from(table.classes[place])),
            _ => place = (place + 1) % PLACES,
        }
    }
}
