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

/// The table of parts that adds up best to the sales, which are given as `(value, scale)` when they are known.
///
/// A table that does not add up is about something else (growth by segment, operating income), so without the sales to
/// compare with only a table with columns of its own for them is taken.
pub(crate) fn find(rows: &[Row], sales: Option<(f64, Option<f64>)>) -> Option<Segments> {
    let mut best: Option<(f64, Segments)> = None;
    for start in 0..rows.len() {
        let is_start = start == 0 || !same_table(&rows[start - 1], &rows[start]);
        if !is_start {
            continue;
        }
        let table: Vec<&Row> = rows[start..].iter().take_while(|row| same_table(row, &rows[start])).collect();
        let (found, has_column) = match by_column(&table) {
            Some(found) => (found, true),
            None => match by_section(&table) {
                Some(found) => (found, false),
                None => continue,
            },
        };
        let known = sales.filter(|(value, scale)| *value > 0.0 && *scale == found.unit.scale).map(|(value, _)| value);
        let found = without_total(found, known);
        let gap = match known {
            Some(sales) => (found.parts.iter().map(|(_, number)| number.value).sum::<f64>() / sales - 1.0).abs(),
            None if has_column => 0.1,
            None => continue,
        };
        if found.parts.len() >= 2 && gap <= 0.15 && best.as_ref().is_none_or(|(other, _)| gap < *other - 1e-9) {
            best = Some((gap, found));
        }
    }
    best.map(|(_, segments)| segments)
}

/// Leaves out the part that is all of the others together, whatever it is called.
fn without_total(mut segments: Segments, sales: Option<f64>) -> Segments {
    let sum: f64 = segments.parts.iter().map(|(_, number)| number.value).sum();
    let near = |one: f64, other: f64| (one - other).abs() <= other.abs() * 0.001;
    if segments.parts.len() > 2 {
        segments.parts.retain(|(_, number)| {
            !near(number.value * 2.0, sum) && !sales.is_some_and(|sales| near(number.value, sales))
        });
    }
    segments
}

fn same_table(one: &Row, other: &Row) -> bool {
    one.passage == other.passage && one.title == other.title && one.heads == other.heads && one.section == other.section
}

/// Rows are the parts, one column is the sales: 分产品 | 营业收入 | 营业成本 | 毛利率(%).
fn by_column(table: &[&Row]) -> Option<Segments> {
    let first = table.first()?;
    let is_sales = |head: &String| {
        (head.contains("营业收入") || head.to_lowercase().contains("net sales"))
            && !head.contains('比')
            && !head.contains('%')
    };
    let column = first.heads.iter().position(is_sales)?;
    let others = ["营业成本", "毛利率", "cost", "operating income"];
    if column == 0 || !first.heads.iter().any(|head| others.iter().any(|word| head.to_lowercase().contains(word))) {
        return None;
    }
    let sales =
        |row: &Row| row.values.iter().find(|value| value.head == Some(column)).map(|value| value.number.clone());
    Some(segments(first, None, table.iter().filter_map(|row| Some((name(row), sales(row)?)))))
}

/// Rows are the parts, columns are years, and the title or section says that they are sales.
fn by_section(table: &[&Row]) -> Option<Segments> {
    let first = table.first()?;
    let about = format!("{} {} {}", first.title, first.section, first.heads.join(" ")).to_lowercase();
    let is_parts = [
        "segment",
        "geographic",
        "by business",
        "by region",
        "by product",
        "disaggregat",
        "分产品",
        "分地区",
        "分行业",
        "分部",
        "收入构成",
    ];
    let is_sales = ["sales", "revenue", "收入"];
    if !is_parts.iter().any(|word| about.contains(word)) || !is_sales.iter().any(|word| about.contains(word)) {
        return None;
    }
    let newest = table.iter().flat_map(|row| &row.values).filter_map(|value| value.period).max()?;
    let sales =
        |row: &Row| row.values.iter().find(|value| value.period == Some(newest)).map(|value| value.number.clone());
    Some(segments(first, Some(newest.year), table.iter().filter_map(|row| Some((name(row), sales(row)?)))))
}

fn segments(first: &Row, year: Option<i32>, parts: impl Iterator<Item = (String, Number)>) -> Segments {
    let is_total = |name: &str| {
        name.is_empty()
            || ["合计", "小计", "total", "总计", "抵销", "elimination"]
                .iter()
                .any(|word| name.to_lowercase().contains(word))
    };
    Segments {
        title: first.title.rsplit(" > ").next().unwrap_or_default().to_owned(),
        passage: first.passage,
        unit: first.unit,
        year,
        parts: parts
            .filter(|(name, number)| !is_total(name) && !number.is_percent && number.value > 0.0)
            .take(10)
            .collect(),
    }
}

fn name(row: &Row) -> String {
    let own = if row.label.is_empty() { row.above.clone() } else { row.label.clone() };
    // "Online stores (1)": the number of a footnote.
    let own = own.trim();
    let footnote = own
        .rfind('(')
        .filter(|at| own.ends_with(')') && own[at + 1..own.len() - 1].chars().all(|char| char.is_ascii_digit()));
    footnote.map_or(own, |at| own[..at].trim_end()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passages::NumberedPassage;
    use crate::table::{Anchor, rows};

    #[test]
    fn sales_by_product_are_read_from_their_column() {
        let text = "单位:元\n分产品 | 营业收入 | 营业成本 | 毛利率（%） | 营业收入比上年增减（%）\n冷柜 | 371.91 | 250.59 | 32.51 | 2.47\n罐箱 | 764.14 | 632.24 | 17.30 | -8.34\n合计 | 1,136.05 | 882.83 | 22.29 | -5.07";
        let passage = NumberedPassage {
            number: 3,
            file: "x.pdf".into(),
            page: Some(1),
            heading: "主营业务分产品情况".into(),
            text: text.into(),
        };
        let segments = find(&rows(&passage, Anchor { year: Some(2019) }), Some((1136.05, Some(1.0)))).unwrap();

        let parts: Vec<(&str, f64)> =
            segments.parts.iter().map(|(name, number)| (name.as_str(), number.value)).collect();
        assert_eq!(parts, [("冷柜", 371.91), ("罐箱", 764.14)]);
    }

    #[test]
    fn a_table_that_does_not_add_up_to_the_sales_is_about_something_else() {
        let read = |text: &str| {
            let passage = NumberedPassage {
                number: 1,
                file: "x.pdf".into(),
                page: Some(1),
                heading: "Sales by business segment".into(),
                text: text.into(),
            };
            find(&rows(&passage, Anchor { year: Some(2019) }), Some((5250.0, Some(1e6))))
        };

        assert_eq!(read("(Millions) | 2019 | 2018\nPrice | 0.6 | 0.5\nOrganic sales | 2.0 | 1.1"), None);
        let segments = read("(Millions) | 2019 | 2018\nIndustrial (1) | 3,000 | 2,900\nConsumer | 2,250 | 2,100\nConsolidated | 5,250 | 5,000").unwrap();
        assert_eq!(
            segments.parts.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["Industrial", "Consumer"]
        );
    }
}
