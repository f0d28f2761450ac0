//! Typed ids: a prefix that a person recognises and a UUID v7 that sorts by time.
//!
//! The prefixes of the OpenAI surface (`resp_`, `file-`, `vs_`, `cntr_`) are the ones its SDKs expect.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::Clock;

/// An id that can be made anew by [`Ids`].
pub trait Id: Sized {
    /// What the text form starts with, separator included.
    const PREFIX: &'static str;

    /// Wraps a UUID.
    fn from_uuid(uuid: Uuid) -> Self;
}

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of this kind; one looks like \"{prefix}0190f3c2...\"")]
pub struct BadId {
    /// What was given, cut to a length that is safe to print.
    pub text: String,
    /// What the text should have started with.
    pub prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            fn from_uuid(uuid: Uuid) -> Self { Self(uuid) }
        }

        impl $name {
            /// The UUID behind the text form.
            #[must_use]
            pub fn uuid(self) -> Uuid { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                text.strip_prefix($prefix)
                    // One id has one text: what compares texts must not miss one in capitals.
                    .filter(|rest| rest.len() == 32 && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
                    .and_then(|rest| Uuid::try_parse(rest).ok())
                    .map(Self)
                    .ok_or_else(|| BadId { text: text.chars().take(64).collect(), prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some(concat!("Starts with `", $prefix, "`.")))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

ids! {
    /// A tenant: a team whose data nobody else sees.
    TenantId = "ten_";
    /// A person with an account.
    UserId = "usr_";
    /// An API key.
    ApiKeyId = "key_";
    /// An agent: a prompt, tools and limits under a name.
    AgentId = "agt_";
    /// A prompt, with all its versions.
    PromptId = "prm_";
    /// An uploaded file.
    FileId = "file-";
    /// A knowledge base; "vector store" on the OpenAI surface.
    VectorStoreId = "vs_";
    /// A passage of a document.
    PassageId = "psg_";
    /// A run of an agent; "response" on the OpenAI surface.
    ResponseId = "resp_";
    /// A conversation: runs that share their history.
    ConversationId = "conv_";
    /// One item of a conversation: a message, a tool call.
    ItemId = "item_";
    /// A sandbox; "container" on the OpenAI surface.
    ContainerId = "cntr_";
    /// A file inside a sandbox.
    ContainerFileId = "cfile_";
    /// One run of code in a sandbox.
    ExecutionId = "exec_";
    /// A background job.
    JobId = "job_";
    /// One request from outside; also the trace id.
    RequestId = "req_";
    /// A usage record or a row of the ledger.
    RecordId = "rec_";
}

/// The content address of a blob: the SHA-256 of its bytes, in lower-case hex.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BlobId(String);

impl BlobId {
    /// The hex text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BlobId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        // The id becomes a path below the blob folder, so nothing but hex may pass.
        let is_hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hex {
            return Err(BadId { text: text.chars().take(64).collect(), prefix: "" });
        }
        Ok(Self(text.to_owned()))
    }
}

impl Serialize for BlobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BlobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl utoipa::PartialSchema for BlobId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String).into()
    }
}

impl utoipa::ToSchema for BlobId {}

/// Makes new ids. Cheap to clone; handed to whoever needs ids, so that tests decide the time in them.
#[derive(Clone, Debug)]
pub struct Ids {
    clock: Clock,
}

impl Ids {
    /// Ids that carry the time of `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }

    /// A new id; ids made later sort later, up to the millisecond.
    #[must_use]
    pub fn next<T: Id>(&self) -> T {
        let now = self.clock.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        T::from_uuid(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_own_text() {
        let id: TenantId = Ids::new(Clock::system()).next();

        assert_eq!(id.to_string().parse::<TenantId>(), Ok(id));
        assert!(id.to_string().starts_with("ten_"));
    }

    #[test]
    fn an_id_of_another_kind_is_refused_by_name() {
        let user: UserId = Ids::new(Clock::system()).next();

        let error = user.to_string().parse::<TenantId>().unwrap_err();

        assert!(error.to_string().contains("ten_"), "{error}");
    }

    #[test]
    fn a_blob_id_is_hex_and_nothing_else() {
        assert!("../../etc/passwd".parse::<BlobId>().is_err());
        assert!("a".repeat(64).parse::<BlobId>().is_ok());
        assert!("A".repeat(64).parse::<BlobId>().is_err());
    }
}
