//! Google's generateContent.
