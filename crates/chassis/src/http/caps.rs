//! The one table of what a JSON body may be made of, whoever reads it.
//!
//! A body is small and what is made of it is not: `{"a":1}` is eight bytes on the wire and seven hundred in memory. So
//! besides its bytes a body is bounded in its shape. The scan ([`super::scan`]) holds a body to this table while it
//! arrives, the description of the API repeats it, and errors name the line that was crossed.

/// What a JSON body may be made of.
#[derive(Debug)]
pub struct Caps {
    /// How many lists and objects may be inside one another.
    pub depth: usize,
    /// How many items a list may have that has no line of its own below.
    pub items: u32,
    /// How many numbers a list may have: a text as tokens, a vector.
    pub numbers: u32,
    /// How many fields an object may have.
    pub fields: u32,
    /// How long the name of a field may be, in bytes.
    pub name_bytes: u32,
    /// How many items the lists with these names may have, wherever they are.
    pub lists: &'static [(&'static str, u32)],
    /// How many times its bytes the values of a body may take in memory ...
    pub growth: u64,
    /// ... after these bytes, which every body may take: many short messages are no attack.
    pub free_bytes: u64,
}

/// The table of this platform.
pub static CAPS: Caps = Caps {
    depth: 64,
    items: 8192,
    numbers: 16_384,
    fields: 2048,
    name_bytes: 1024,
    lists: &[
        // Conversations, and texts to embed: as many as OpenAI takes at once.
        ("input", 2048),
        ("messages", 2048),
        ("items", 2048),
        ("content", 1024),
        ("tool_calls", 256),
        ("tools", 256),
        ("functions", 256),
        ("documents", 2048),
        ("stop", 16),
        ("stop_sequences", 16),
        ("include", 64),
        ("modalities", 16),
        // What tenants configure.
        ("vector_store_ids", 256),
        ("knowledge_bases", 256),
        ("file_ids", 2048),
        ("egress_domains", 256),
    ],
    growth: 4,
    free_bytes: 4 << 20,
};

impl Caps {
    /// How many items a list of this name may have.
    #[must_use]
    pub fn list(&self, name: &[u8]) -> u32 {
        self.named(name).unwrap_or(self.items)
    }

    /// The line of the table with this name, if it has one.
    #[must_use]
    pub fn named(&self, name: &[u8]) -> Option<u32> {
        self.lists.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, most)| *most)
    }
}
