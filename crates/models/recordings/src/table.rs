//! How many of a kind were right, by provider, for people.

use std::collections::BTreeMap;

/// How many of a kind were right.
#[derive(Default, Clone, Copy)]
pub struct Count {
    /// Those that were.
    pub right: u32,
    /// All of them.
    pub all: u32,
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&if self.all == 0 { "-".to_owned() } else { format!("{} of {}", self.right, self.all) })
    }
}

/// Counts in named columns by provider.
pub struct Table {
    columns: &'static [&'static str],
    rows: BTreeMap<String, Vec<Count>>,
    strangers: BTreeMap<&'static str, u32>,
}

impl Table {
    /// An empty one.
    #[must_use]
    pub fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: BTreeMap::new(), strangers: BTreeMap::new() }
    }

    /// Counts one in a column.
    pub fn count(&mut self, provider: &str, column: usize, is_right: bool) {
        let row = self.rows.entry(provider.to_owned()).or_insert_with(|| vec![Count::default(); self.columns.len()]);
        row[column].all += 1;
        row[column].right += u32::from(is_right);
    }

    /// Counts one that is in no column, and why.
    pub fn leave_out(&mut self, reason: &'static str) {
        *self.strangers.entry(reason).or_default() += 1;
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:<15}", "provider")?;
        self.columns.iter().try_for_each(|name| write!(f, " | {name:<12}"))?;
        let mut total = vec![Count::default(); self.columns.len()];
        for (provider, row) in &self.rows {
            write!(f, "\n{provider:<15}")?;
            for (sum, count) in total.iter_mut().zip(row) {
                sum.all += count.all;
                sum.right += count.right;
                write!(f, " | {count:<12}")?;
            }
        }
        write!(f, "\n{:<15}", "all")?;
        total.iter().try_for_each(|count| write!(f, " | {count:<12}"))?;
        self.strangers.iter().try_for_each(|(reason, n)| write!(f, "\nnot applicable, {n}: {reason}"))
    }
}
