//! OpenAI's Responses, for plain models.
