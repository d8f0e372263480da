//! `aws_lambda` processor.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use http::Uri;
use jiff::Timestamp;
use sluice_config::config;
use sluice_engine::backoff::Backoff;
use sluice_engine::{
    Batches, BuildError, Owner, Processor, RateLimit, Registry, Scope, Stop, WaitingProcessor,
};
use sluice_message::{Batch, Message};
use sluice_value::{Value, json};
use smallvec::smallvec;

use crate::client::{Answer, Http};
use crate::credentials::{self, Provider};
use crate::fields::CredentialsConfig;
use crate::sign::{Signable, escape, sign};

/// Messages of a batch that are sent at once, where that is asked for.
const PARALLEL: usize = 64;

config! {
    /// Which function to call.
    pub struct LambdaConfig {
        /// Sends the messages of a batch at the same time.
        parallel: bool = false,
        /// The function: its name or its ARN.
        function: String => lint_required,
        /// Limit on calls, by the label of its resource.
        rate_limit: String = "" => advanced,
        /// Region of the function.
        region: String = "" => advanced,
        /// In place of the service's own address.
        endpoint: String = "" => advanced,
        /// Who signs requests.
        credentials: CredentialsConfig => advanced,
        /// Longest wait for an answer.
        timeout: Duration = "5s" => advanced,
        /// How often a call is tried again.
        retries: usize = 3 => advanced,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("aws_lambda", build).categories(&["Integration"]).doc(
        "Calls an AWS Lambda function for each message: the content is the payload, and the answer \
         becomes the content.\n\n\
         Where the function itself failed, its answer is the content and what kind of failure it \
         was stands in the metadata `lambda_function_error`. A call that does not succeed leaves the \
         message as it was, marked as failed. Credentials come from the fields, the environment, the \
         shared files, the container or the machine, in this order.",
    );
}

struct Lambda {
    url: Uri,
    region: String,
    http: Http,
    provider: Provider,
    rate_limit: Option<Arc<dyn RateLimit>>,
    parallel: bool,
    timeout: Duration,
    retries: usize,
    owner: Owner,
    stop: Stop,
}

fn build(config: LambdaConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let region = credentials::region(&config.region, &config.credentials.profile)?;
    let endpoint = match config.endpoint.trim_end_matches('/') {
        "" => format!("https://lambda.{region}.amazonaws.com"),
        endpoint => endpoint.to_owned(),
    };
    let url = format!("{endpoint}/2015-03-31/functions/{}/invocations", escape(&config.function));
    let url: Uri = url.parse().map_err(|error| BuildError::new(format!("{url}: {error}")))?;
    if url.authority().is_none() {
        return Err(BuildError::new(format!("endpoint has no host: {}", config.endpoint)));
    }
    let http = Http::new()?;
    let limit = Some(config.rate_limit.as_str()).filter(|label| !label.is_empty());
    Ok(Processor::waiting(Lambda {
        url,
        provider: Provider::new(config.credentials, http.clone(), &region, &config.endpoint),
        region,
        http,
        rate_limit: limit.map(|label| scope.resources().rate_limit(label)).transpose()?,
        parallel: config.parallel,
        timeout: config.timeout,
        retries: config.retries,
        owner: scope.owner(),
        stop: scope.stop().clone(),
    }))
}

/// Why a call did not succeed.
struct Failed {
    message: String,
    /// Whether it may succeed another time.
    is_passing: bool,
}

impl Lambda {
    async fn call(&self, payload: Bytes) -> Result<Answer, String> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        let mut attempt = 0;
        loop {
            self.wait_for_limit(payload.len()).await?;
            let failed = match self.attempt(payload.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if !failed.is_passing || attempt >= self.retries {
                return Err(failed.message);
            }
            attempt += 1;
            tokio::select! {
                () = tokio::time::sleep(backoff.pause()) => {}
                () = self.stop.abort.cancelled() => return Err(failed.message),
            }
        }
    }

    async fn wait_for_limit(&self, bytes: usize) -> Result<(), String> {
        let Some(limit) = &self.rate_limit else { return Ok(()) };
        while let Some(pause) = limit.access(bytes).await.map_err(|error| error.to_string())? {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.abort.cancelled() => return Err("the stream was stopped".into()),
            }
        }
        Ok(())
    }

    async fn attempt(&self, payload: Bytes) -> Result<Answer, Failed> {
        let passing = |message: String| Failed { message, is_passing: true };
        let credentials = self.provider.get().await.map_err(passing)?;
        let signable = Signable {
            method: "POST",
            host: self.url.authority().map_or("", |authority| authority.as_str()),
            path: self.url.path(),
            body: &payload,
            headers: &[],
        };
        let headers = sign(&signable, &credentials, &self.region, "lambda", Timestamp::now());
        let sent = self.http.send("POST", &self.url, &headers, payload, self.timeout).await;
        let answer = sent.map_err(passing)?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let kind = answer.header("x-amzn-errortype").unwrap_or_default();
        let kind = kind.split(':').next().unwrap_or_default().to_owned();
        let status = answer.status;
        Err(Failed {
            message: format!("{kind}: {status}: {}", complaint(&answer.body)),
            is_passing: status.is_server_error() || status.as_u16() == 429,
        })
    }

    fn finish(&self, message: &mut Message, answer: Result<Answer, String>) {
        match answer {
            Ok(answer) => {
                if let Some(error) = answer.header("x-amz-function-error") {
                    message.set_metadata("lambda_function_error", error);
                }
                message.set_bytes(answer.body);
            }
            Err(error) => self.owner.fail(message, format!("lambda invocation failed: {error}")),
        }
    }
}

/// What the service says was wrong.
fn complaint(body: &[u8]) -> String {
    let document = json::parse(body).ok();
    let message = document.as_ref().and_then(|document| {
        document.get("Message").or_else(|| document.get("message")).and_then(Value::as_str)
    });
    let text = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    text.chars().take(1000).collect()
}

#[async_trait]
impl WaitingProcessor for Lambda {
    async fn process(&self, mut batch: Batch) -> Batches {
        let at_once = if self.parallel { PARALLEL } else { 1 };
        let payloads: Vec<Bytes> = batch.iter().map(|message| message.bytes().clone()).collect();
        let mut messages = batch.iter_mut();
        for payloads in payloads.chunks(at_once) {
            let calls = payloads.iter().map(|payload| self.call(payload.clone()));
            let answers = join_all(calls).await;
            for (answer, message) in answers.into_iter().zip(messages.by_ref()) {
                self.finish(message, answer);
            }
        }
        smallvec![batch]
    }
}
