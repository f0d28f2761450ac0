//! Files that come as multipart/form-data, read with flat memory.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Poll, ready};

use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use futures::{StreamExt, stream};
use septet_kernel::{Failure, Kind};

const MAX_FIELD_BYTES: usize = 4096;
const MAX_FIELDS: usize = 32;
// What stands between two fields are a boundary and a few headers.
const MAX_BETWEEN_BYTES: usize = 64 << 10;

/// A form with a file in the field `file` and perhaps a few short texts.
pub struct Form {
    fields: Multipart,
    n_fields: usize,
    between: Arc<Between>,
}

/// What was read while a field was looked for. The parser keeps all of it, and looks through all of it again with every
/// chunk; so what never comes to a field is stopped.
#[derive(Default)]
struct Between {
    is_looking: AtomicBool,
    n_bytes: AtomicUsize,
    is_too_long: AtomicBool,
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
    /// Something between the fields that does not end.
    #[error(
        "the form has more than 64 KiB between its fields; is the boundary in its content-type the one in its body?"
    )]
    NoField,
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
            Self::TooManyFields | Self::NoField => None,
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
        let between = Arc::<Between>::default();
        let counted = Arc::clone(&between);
        let request = request.map(move |body| one_at_a_time(body, counted));
        let fields = Multipart::from_request(request, &()).await.map_err(|_| BadForm::NoForm)?;
        Ok(Self { fields, n_fields: 0, between })
    }

    /// The next field; they may come in any order. [`skip`] those that are not known: forms of clients grow.
    ///
    /// # Errors
    /// [`BadForm::Broken`], [`BadForm::NoField`], [`BadForm::TooManyFields`].
    pub async fn field(&mut self) -> Result<Option<Field<'_>>, BadForm> {
        self.n_fields += 1;
        if self.n_fields > MAX_FIELDS {
            return Err(BadForm::TooManyFields);
        }
        self.between.n_bytes.store(0, Ordering::Relaxed);
        self.between.is_looking.store(true, Ordering::Relaxed);
        let field = self.fields.next_field().await;
        self.between.is_looking.store(false, Ordering::Relaxed);
        let is_too_long = self.between.is_too_long.load(Ordering::Relaxed);
        field.map_err(|error| if is_too_long { BadForm::NoField } else { BadForm::Broken(error) })
    }
}

impl Between {
    /// Notes a chunk that is about to be read; false when there have been too many.
    fn may_grow(&self, n_bytes: usize) -> bool {
        if !self.is_looking.load(Ordering::Relaxed) {
            return true;
        }
        // The first chunk may be long: the fields themselves are in it.
        let is_too_long = self.n_bytes.fetch_add(n_bytes, Ordering::Relaxed) >= MAX_BETWEEN_BYTES;
        self.is_too_long.fetch_or(is_too_long, Ordering::Relaxed);
        !is_too_long
    }
}

/// Reads past a field.
///
/// # Errors
/// [`BadForm::Broken`].
pub async fn skip(field: Field<'_>) -> Result<(), BadForm> {
    let mut field = pin!(field);
    while let Some(chunk) = field.next().await {
        chunk.map_err(BadForm::Broken)?;
    }
    Ok(())
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

/// The body, yielding to other tasks after each chunk. The form parser reads for as long as something is ready, so a
/// client that is faster than the disk would fill the memory.
fn one_at_a_time(body: Body, between: Arc<Between>) -> Body {
    let mut chunks = body.into_data_stream();
    let mut is_breathing = false;
    Body::from_stream(stream::poll_fn(move |context| {
        if std::mem::take(&mut is_breathing) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let chunk = ready!(chunks.poll_next_unpin(context));
        is_breathing = true;
        let n_bytes = chunk.as_ref().and_then(|chunk| chunk.as_ref().ok()).map_or(0, bytes::Bytes::len);
        if between.may_grow(n_bytes) {
            Poll::Ready(chunk)
        } else {
            Poll::Ready(Some(Err(axum::Error::new(BadForm::NoField))))
        }
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
