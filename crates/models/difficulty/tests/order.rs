//! Which prompts are harder than which. The labels are English exam questions; these are everyday ones, in two languages.

use septet_difficulty::Scorer;

const EASY: [&str; 12] = [
    "你好",
    "您好，在吗？",
    "谢谢你",
    "把“我爱北京”翻译成英文。",
    "今天星期几？",
    "法国的首都是哪里？",
    "请把这句话润色一下：我们很高兴收到您的来信。",
    "写一个关于程序员的笑话。",
    "hi",
    "Thanks!",
    "Translate \"good morning\" into French.",
    "What is the capital of France?",
];

const HARD: [&str; 9] = [
    "请根据下面三年的财报，分析该公司毛利率下降的原因，比较各业务线的贡献，并预测下一年度的净利润，说明假设和风险。",
    "证明：若数列单调有界，则它必定收敛。请给出完整严格的推导，并说明每一步所用的定理。",
    "用 Rust 实现一个线程安全的 LRU 缓存，要求 O(1) 复杂度，解释如何避免死锁，并给出单元测试。",
    "甲乙两车分别从相距480千米的两地同时出发相向而行，甲车每小时行65千米，途中因故障停了1.5小时，4.5小时后两车相遇。\
     求乙车的速度；如果甲车不停，几小时后两车相遇？",
    "我们的订单服务在高并发下偶尔出现重复扣款。请排查可能的根因，设计幂等方案，比较数据库唯一索引与分布式锁的权衡，\
     最后给出迁移步骤。",
    "某商品先提价20%，再打八折，最后又减15元，此时售价为129元。如果成本为100元，求原价和最终利润率，并与不提价直接打九折\
     相比，哪种方案利润更高？",
    "Prove that every bounded monotone sequence converges, and state which theorem each step uses.",
    "Design a sharded rate limiter for 50 regions, compare token bucket and sliding window, analyse failure modes, and then \
     write the Rust implementation with tests.",
    "A train leaves A at 9:00 at 60 km/h, a second one leaves B, 300 km away, half an hour later at 1.5 times the speed. \
     When do they meet, and how far from A is that?",
];

fn score(prompt: &str) -> f32 {
    Scorer::shipped().score(prompt).value()
}

#[test]
fn every_greeting_and_look_up_is_easier_than_every_proof_analysis_and_word_problem_in_chinese_and_english() {
    for easy in EASY {
        for hard in HARD {
            assert!(score(easy) < score(hard), "{} {easy}\n{} {hard}", score(easy), score(hard));
        }
    }
}

#[test]
fn a_chinese_prompt_and_its_english_twin_lie_near_each_other() {
    for (chinese, english) in [
        ("你好", "Hello"),
        ("法国的首都是哪里？", "What is the capital of France?"),
        (
            "证明：若数列单调有界，则它必定收敛。请说明每一步所用的定理。",
            "Prove that every bounded monotone sequence converges. State the theorem used in each step.",
        ),
    ] {
        let apart = (score(chinese) - score(english)).abs();
        assert!(apart < 0.1, "{apart} between {chinese} and {english}");
    }
}

#[test]
fn more_steps_make_a_word_problem_harder() {
    let one = "小明有3个苹果，又买了5个，一共有多少个？";
    let many = "小明有3个苹果，又买了5个，然后把一半分给妹妹，之后每天吃掉剩下的三分之一，如果第二天他又买了原来的2倍，\
                那么两天后一共还剩多少个？是最初的百分之几？";
    assert!(score(one) < score(many));
    let one = "Tom has 3 apples and buys 5. How many does he have?";
    let many = "Tom has 3 apples and buys 5, then gives half of them to his sister, after which he eats a third of what is \
                left each day. If he buys twice the original number on the second day, how many are left after two days, and \
                what percentage of the first number is that?";
    assert!(score(one) < score(many));
}

#[test]
fn any_text_has_a_score_between_0_and_1() {
    let long = "长文本 long text 12.5% \n".repeat(100_000);
    let odd = [
        "",
        " ",
        "\n\n\n",
        "\0",
        "?",
        "A.",
        "A. \nB. \nC. ",
        "0",
        "１２３",
        "é",
        "مرحبا",
        "🙂🙂",
        "\u{feff}",
        "'''",
        "’",
        "1.",
        "1/",
        "..,,",
        "__________",
        "Ⅻ ½ ²",
        "İ",
        "ß",
        "한국어 문장",
        "ひらがな",
        &long,
        &"a".repeat(1_000_000),
        &"中".repeat(1_000_000),
        &"1".repeat(100_000),
        &"\n".repeat(100_000),
        &"A. x\n".repeat(50_000),
    ];
    for prompt in odd {
        let score = score(prompt);
        assert!((0.0..=1.0).contains(&score), "{score}");
    }
}

#[test]
fn cutting_a_long_prompt_never_splits_a_character() {
    for shift in 0..4 {
        let prompt = format!("{}{}", "x".repeat(shift), "汉🙂é".repeat(5_000));
        let _ = score(&prompt);
    }
}
