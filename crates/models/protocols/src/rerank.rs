//! Reranking, in the shape of Jina and Cohere and out in the provider's.
