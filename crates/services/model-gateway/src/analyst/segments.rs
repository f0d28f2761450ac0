//! Sales by product, business, region: a table whose rows are the parts.

use super::number::Number;
use super::table::Row;
use super::unit::Unit;

/// The parts of the sales.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segments {
    pub title: String,
    pub passage: u32,
    pub unit: Unit,
    /// The year, where the table says it.
    pub year: Option<i32>,
    /// In the order of the document.
    pub parts: Vec<(String, Number)>,
}

/// The first table of parts in the rows.
pub(crate) fn find(rows: &[Row]) -> Option<Segments> {
    let mut best: Option<Segments> = None;
    for start in 0..rows.len() {
        let is_start = start == 0 || !same_table(&rows[start - 1], &rows[start]);
        if !is_start {
            continue;
        }
        let table: Vec<&Row> = rows[start..].iter().take_while(|row| same_table(row, &rows[start])).collect();
        let Some(found) = by_column(&table).or_else(|| by_section(&table)) else { continue };
        if best.as_ref().is_none_or(|best| found.parts.len() > best.parts.len() && best.parts.len() < 2) {
            best = Some(found);
        }
    }
    best.filter(|segments| segments.parts.len() >= 2)
}

fn same_table(one: &Row, other: &Row) -> bool {
    one.passage == other.passage && one.title == other.title && one.heads == other.heads && one.section == other.section
}

/// Rows are the parts, one column is the sales: 分产品 | 营业收入 | 营业成本 | 毛利率(%).
fn by_column(table: &[&Row]) -> Option<Segments> {
    let first = table.first()?;
    let is_sales = |head: &String| (head.contains("营业收入") || head.to_lowercase().contains("net sales")) && !head.contains('比') && !head.contains('%');
    let column = first.heads.iter().position(is_sales)?;
    let others = ["营业成本", "毛利率", "cost", "operating income"];
    if column == 0 || !first.heads.iter().any(|head| others.iter().any(|word| head.to_lowercase().contains(word))) {
        return None;
    }
    let sales = |row: &Row| row.values.iter().find(|value| value.head == Some(column)).map(|value| value.number.clone());
    Some(segments(first, None, table.iter().filter_map(|row| Some((name(row), sales(row)?)))))
}

/// Rows are the parts, columns are years, and the title or section says that they are sales.
fn by_section(table: &[&Row]) -> Option<Segments> {
    let first = table.first()?;
    let about = format!("{} {} {}", first.title, first.section, first.heads.join(" ")).to_lowercase();
    let is_parts = ["segment", "geographic", "by business", "by region", "by product", "disaggregat", "分产品", "分地区", "分行业", "分部", "收入构成"];
    let is_sales = ["sales", "revenue", "收入"];
    if !is_parts.iter().any(|word| about.contains(word)) || !is_sales.iter().any(|word| about.contains(word)) {
        return None;
    }
    let newest = table.iter().flat_map(|row| &row.values).filter_map(|value| value.period).max()?;
    let sales = |row: &Row| row.values.iter().find(|value| value.period == Some(newest)).map(|value| value.number.clone());
    Some(segments(first, Some(newest.year), table.iter().filter_map(|row| Some((name(row), sales(row)?)))))
}

fn segments(first: &Row, year: Option<i32>, parts: impl Iterator<Item = (String, Number)>) -> Segments {
    let is_total = |name: &str| name.is_empty() || ["合计", "小计", "total", "总计", "抵销", "elimination"].iter().any(|word| name.to_lowercase().contains(word));
    Segments {
        title: first.title.clone(),
        passage: first.passage,
        unit: first.unit,
        year,
        parts: parts.filter(|(name, number)| !is_total(name) && !number.is_percent && number.value > 0.0).take(10).collect(),
    }
}

fn name(row: &Row) -> String {
    let own = if row.label.is_empty() { row.above.clone() } else { row.label.clone() };
    own.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyst::passages::Passage;
    use crate::analyst::table::{Anchor, rows};

    #[test]
    fn sales_by_product_are_read_from_their_column() {
        let text = "单位:元\n分产品 | 营业收入 | 营业成本 | 毛利率（%） | 营业收入比上年增减（%）\n冷柜 | 371.91 | 250.59 | 32.51 | 2.47\n罐箱 | 764.14 | 632.24 | 17.30 | -8.34\n合计 | 1,136.05 | 882.83 | 22.29 | -5.07";
        let passage = Passage { number: 3, file: "x.pdf".into(), page: Some(1), heading: "主营业务分产品情况".into(), text: text.into() };
        let segments = find(&rows(&passage, Anchor { year: Some(2019) })).unwrap();

        let parts: Vec<(&str, f64)> = segments.parts.iter().map(|(name, number)| (name.as_str(), number.value)).collect();
        assert_eq!(parts, [("冷柜", 371.91), ("罐箱", 764.14)]);
    }
}
