//! A client of the public surface, as anyone could write it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use futures::Stream;
use reqwest::{RequestBuilder, Response};
use septet_chassis::http;
use serde_json::Value;

pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, key: &str) -> anyhow::Result<Self> {
        let http = http::client(Duration::from_secs(5)).context("cannot make an HTTP client")?;
        Ok(Self { http, base: format!("http://{address}"), key: key.to_owned() })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        Ok(self.send(self.http.get(self.at(path))).await?.json().await?)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        Ok(self.send(self.http.post(self.at(path)).json(body)).await?.json().await?)
    }

    pub(crate) async fn bytes(&self, path: &str) -> anyhow::Result<Bytes> {
        Ok(self.send(self.http.get(self.at(path))).await?.bytes().await?)
    }

    pub(crate) async fn stream(
        &self,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<impl Stream<Item = reqwest::Result<Bytes>> + Send + use<>> {
        Ok(self.send(self.http.post(self.at(path)).json(body)).await?.bytes_stream())
    }

    pub(crate) async fn upload(&self, path: &Path) -> anyhow::Result<Value> {
        let bytes = tokio::fs::read(path).await.with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let part = reqwest::multipart::Part::bytes(bytes).file_name(name);
        let form = reqwest::multipart::Form::new().text("purpose", "user_data").part("file", part);
        Ok(self.send(self.http.post(self.at("/v1/files")).multipart(form)).await?.json().await?)
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = request.bearer_auth(&self.key).send().await.context("the platform does not answer")?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body: Value = response.json().await.unwrap_or_default();
        let message = body["error"]["message"].as_str().or(body["detail"].as_str()).unwrap_or("no reason given");
        anyhow::bail!("{status}: {message}")
    }
}
