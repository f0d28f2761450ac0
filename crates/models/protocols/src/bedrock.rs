//! Amazon's Bedrock Converse.
