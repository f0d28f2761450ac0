//! Lists as a person reads them: columns in lines.

use console::{Alignment, measure_text_width, pad_str};
use jiff::Timestamp;
use septet_contracts::management::{ApiKey, User};

/// Users, a line each.
pub(super) fn users(users: &[User]) -> String {
    let rows = users.iter().map(|user| {
        let state = if user.disabled { "disabled" } else { "active" };
        [
            user.email.clone(),
            user.role.as_str().to_owned(),
            state.to_owned(),
            date(user.last_login_at),
            user.name.clone(),
        ]
    });
    lines(["EMAIL", "ROLE", "STATE", "LAST SIGN-IN", "NAME"], rows)
}

/// Keys, a line each, with the addresses of their owners.
pub(super) fn keys(keys: &[ApiKey], users: &[User]) -> String {
    let rows = keys.iter().map(|key| {
        let owner = users.iter().find(|user| user.id == key.user).map_or("", |user| user.email.as_str());
        let state = if key.revoked_at.is_some() { "revoked" } else { "active" };
        [
            key.id.to_string(),
            format!("sk-septet-{}...", key.prefix),
            owner.to_owned(),
            key.role.as_str().to_owned(),
            state.to_owned(),
            date(key.last_used_at),
            key.name.clone(),
        ]
    });
    lines(["ID", "KEY", "USER", "ROLE", "STATE", "LAST USED", "NAME"], rows)
}

/// Rows under a head, each column as wide as its widest cell on a screen, where Chinese characters take two places.
fn lines<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let widths: Vec<usize> =
        (0..N).map(|column| rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or(0)).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<_> =
            row.iter().zip(&widths).map(|(cell, width)| pad_str(cell, *width, Alignment::Left, None)).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A moment, to the minute; a dash for never.
fn date(seconds: Option<i64>) -> String {
    let moment = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| "-".to_owned(), |moment| moment.strftime("%Y-%m-%d %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_beside_chinese_names_too() {
        let rows = [["财务".to_owned(), "a".to_owned()], ["x".to_owned(), "b".to_owned()]];

        assert_eq!(lines(["NAME", "ID"], rows.into_iter()), "NAME  ID\n财务  a\nx     b");
    }
}
