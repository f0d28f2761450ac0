//! Files that come as multipart/form-data, read with flat memory.

use std::pin::pin;
use std::task::{Poll, ready};

use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use futures::{StreamExt, stream};
use septet_kernel::{Failure, Kind};

const MAX_FIELD_BYTES: usize = 4096;
const MAX_FIELDS: usize = 32;

/// A form with a file in the field `file` and perhaps a few short texts.
pub struct Form {
    fields: Multipart,
    n_fields: usize,
}

/// Why a form is refused.
#[derive(Debug, thiserror::Error)]
pub enum BadForm {
    /// It is something else.
    #[error("send the file as multipart/form-data, in the field \"file\"")]
    NoForm,
    /// The field is not there.
    #[error("the form has no field \"file\"")]
    NoFile,
    /// There is another one.
    #[error("one file at a time")]
    TwoFiles,
    /// No client means well with that many.
    #[error("the form has too many fields")]
    TooManyFields,
    /// A text that should be short.
    #[error("the field {0:?} of the form is too long")]
    TooLong(&'static str),
    /// A text that is none.
    #[error("the field {0:?} of the form is not UTF-8")]
    NoText(&'static str),
    /// The client went away, or the bytes are no form.
    #[error("the upload broke off: {0}")]
    Broken(MultipartError),
}

impl Failure for BadForm {
    fn kind(&self) -> Kind {
        Kind::BadRequest
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::NoForm | Self::NoFile | Self::TwoFiles | Self::Broken(_) => Some("file"),
            Self::TooManyFields => None,
            Self::TooLong(name) | Self::NoText(name) => Some(name),
        }
    }
}

impl Form {
    /// Whether a request says that it brings a form.
    #[must_use]
    pub fn is_announced(headers: &HeaderMap) -> bool {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        content_type.unwrap_or_default().starts_with("multipart/form-data")
    }

    /// Begins to read.
    ///
    /// # Errors
    /// [`BadForm::NoForm`].
    pub async fn open(request: Request) -> Result<Self, BadForm> {
        let fields = Multipart::from_request(request.map(one_at_a_time), &()).await.map_err(|_| BadForm::NoForm)?;
        Ok(Self { fields, n_fields: 0 })
    }

    /// The next field; they may come in any order. Read past those that are not known: forms of clients grow.
    ///
    /// # Errors
    /// [`BadForm::Broken`], [`BadForm::TooManyFields`].
    pub async fn field(&mut self) -> Result<Option<Field<'_>>, BadForm> {
        self.n_fields += 1;
        if self.n_fields > MAX_FIELDS {
            return Err(BadForm::TooManyFields);
        }
        self.fields.next_field().await.map_err(BadForm::Broken)
    }
}

/// The name that a field gives to its file: its last part without what no name should have; `upload` when nothing is
/// left.
#[must_use]
pub fn filename(field: &Field<'_>) -> String {
    plain_name(field.file_name().unwrap_or_default())
}

/// The text of a field that should be short. `name` is for the error.
///
/// # Errors
/// [`BadForm::TooLong`], [`BadForm::NoText`], [`BadForm::Broken`].
pub async fn short_text(name: &'static str, field: Field<'_>) -> Result<String, BadForm> {
    let mut bytes = Vec::new();
    let mut field = pin!(field);
    while let Some(chunk) = field.next().await {
        bytes.extend_from_slice(&chunk.map_err(BadForm::Broken)?);
        if bytes.len() > MAX_FIELD_BYTES {
            return Err(BadForm::TooLong(name));
        }
    }
    String::from_utf8(bytes).map_err(|_| BadForm::NoText(name))
}

/// The body, with a breath after each chunk. The parser of forms reads as long as something is ready, so a client that
/// is faster than the disk would fill the memory.
fn one_at_a_time(body: Body) -> Body {
    let mut chunks = body.into_data_stream();
    let mut is_breathing = false;
    Body::from_stream(stream::poll_fn(move |context| {
        if std::mem::take(&mut is_breathing) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let chunk = ready!(chunks.poll_next_unpin(context));
        is_breathing = true;
        Poll::Ready(chunk)
    }))
}

fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|character| !character.is_control()).take(200).collect();
    let plain = plain.trim().trim_matches('.').trim();
    if plain.is_empty() { "upload".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_last_part_and_its_language() {
        assert_eq!(plain_name("C:\\Users\\me\\年报 2024.pdf"), "年报 2024.pdf");
        assert_eq!(plain_name("../../etc/passwd"), "passwd");
        assert_eq!(plain_name("a\r\nb.txt"), "ab.txt");
        assert_eq!(plain_name(".."), "upload");
    }
}
