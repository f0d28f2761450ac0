//! Embeddings, in OpenAI's shape and out in the provider's.
