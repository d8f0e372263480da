//! `sluice lsp`: a language server for mappings, over standard input and output.
//!
//! It serves `.blobl` files, and mappings in block scalars of YAML files (`mapping: |`). What is
//! wrong, what a word means and what could stand at a place is the language's own business
//! (`sluice_bloblang::assist`); this translates between its byte offsets and editors' positions.
//!
//! Holds always: nothing but messages of the protocol is written to standard output; documents
//! are read by the editor, files only where a mapping imports them.

mod answer;
mod document;
mod region;

use std::process::ExitCode;

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Notification as _,
    PublishDiagnostics,
};
use lsp_types::request::{
    Completion, Formatting, GotoDefinition, HoverRequest, Request as _, SignatureHelpRequest,
};
use lsp_types::{
    CompletionOptions, DidChangeTextDocumentParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, HoverProviderCapability, InitializeParams, OneOf,
    PositionEncodingKind, PublishDiagnosticsParams, ServerCapabilities, ServerInfo,
    SignatureHelpOptions, TextDocumentSyncCapability, TextDocumentSyncKind, Uri,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Setting, VERSION};
use crate::console;
use answer::Client;
use document::Documents;
use region::Units;

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub fn run(setting: &Setting) -> ExitCode {
    match serve(setting) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::complain_line(format_args!("language server: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(setting: &Setting) -> Result<(), Failure> {
    let (connection, threads) = Connection::stdio();
    let (id, params) = connection.initialize_start()?;
    let client = client(&serde_json::from_value(params)?);
    let answer = json!({
        "capabilities": capabilities(client.units),
        "serverInfo": ServerInfo { name: "sluice".into(), version: Some(VERSION.into()) },
    });
    connection.initialize_finish(id, answer)?;
    let mut server = Server {
        connection: &connection,
        documents: Documents::new(setting.registry.language().clone()),
        client,
    };
    server.run()?;
    drop(connection);
    threads.join()?;
    Ok(())
}

/// What matters of the editor's abilities.
fn client(params: &InitializeParams) -> Client {
    let capabilities = &params.capabilities;
    let encodings = capabilities.general.as_ref().and_then(|it| it.position_encodings.as_ref());
    let takes_bytes = encodings.is_some_and(|all| all.contains(&PositionEncodingKind::UTF8));
    let item = capabilities.text_document.as_ref().and_then(|it| it.completion.as_ref());
    let item = item.and_then(|it| it.completion_item.as_ref());
    Client {
        units: if takes_bytes { Units::Bytes } else { Units::Utf16 },
        takes_snippets: item.and_then(|it| it.snippet_support).unwrap_or_default(),
    }
}

fn capabilities(units: Units) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(match units {
            Units::Bytes => PositionEncodingKind::UTF8,
            Units::Utf16 => PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::FULL)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([".", "$", "@", "("].map(String::from).to_vec()),
            ..CompletionOptions::default()
        }),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: Some(["(", ","].map(String::from).to_vec()),
            ..SignatureHelpOptions::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        ..ServerCapabilities::default()
    }
}

struct Server<'c> {
    connection: &'c Connection,
    documents: Documents,
    client: Client,
}

impl Server<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        for message in &self.connection.receiver {
            match message {
                Message::Request(request) => {
                    if self.connection.handle_shutdown(&request)? {
                        return Ok(());
                    }
                    let answer = self.answer(request);
                    self.connection.sender.send(Message::Response(answer))?;
                }
                Message::Notification(notification) => self.note(notification)?,
                Message::Response(_) => {} // nothing was asked
            }
        }
        Err("the editor went away without saying so".into())
    }

    fn answer(&self, request: Request) -> Response {
        let Self { documents, client, .. } = self;
        let id = request.id.clone();
        match request.method.as_str() {
            HoverRequest::METHOD => {
                reply::<HoverRequest>(request, |params| answer::hover(documents, *client, &params))
            }
            Completion::METHOD => reply::<Completion>(request, |params| {
                answer::completion(documents, *client, &params)
            }),
            SignatureHelpRequest::METHOD => reply::<SignatureHelpRequest>(request, |params| {
                answer::signature(documents, *client, &params)
            }),
            GotoDefinition::METHOD => reply::<GotoDefinition>(request, |params| {
                answer::definition(documents, *client, params)
            }),
            Formatting::METHOD => reply::<Formatting>(request, |params| {
                answer::formatting(documents, *client, &params)
            }),
            method => {
                let message = format!("there is no `{method}` here");
                Response::new_err(id, ErrorCode::MethodNotFound as i32, message)
            }
        }
    }

    fn note(&mut self, notification: Notification) -> Result<(), Failure> {
        match notification.method.as_str() {
            DidOpenTextDocument::METHOD => {
                let Some(params) = read::<DidOpenTextDocumentParams>(notification) else {
                    return Ok(());
                };
                let document = params.text_document;
                let uri = document.uri.clone();
                self.documents.put(document.uri, &document.language_id, document.text);
                self.publish(uri, Some(document.version))
            }
            DidChangeTextDocument::METHOD => {
                let Some(params) = read::<DidChangeTextDocumentParams>(notification) else {
                    return Ok(());
                };
                let uri = params.text_document.uri;
                if let Some(change) = params.content_changes.into_iter().last() {
                    self.documents.change(&uri, change.text);
                }
                self.publish(uri, Some(params.text_document.version))
            }
            DidCloseTextDocument::METHOD => {
                let Some(params) = read::<DidCloseTextDocumentParams>(notification) else {
                    return Ok(());
                };
                self.documents.close(&params.text_document.uri);
                self.publish(params.text_document.uri, None)
            }
            _ => Ok(()),
        }
    }

    /// Says what is wrong with a document; of one that is closed, that nothing is.
    fn publish(&self, uri: Uri, version: Option<i32>) -> Result<(), Failure> {
        let diagnostics = answer::diagnostics(&self.documents, self.client, &uri);
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        let notification = Notification::new(PublishDiagnostics::METHOD.into(), params);
        Ok(self.connection.sender.send(Message::Notification(notification))?)
    }
}

/// The parameters of a notification; there is nobody to tell about broken ones.
fn read<P: DeserializeOwned>(notification: Notification) -> Option<P> {
    serde_json::from_value(notification.params).ok()
}

fn reply<R: lsp_types::request::Request>(
    request: Request,
    answer: impl FnOnce(R::Params) -> R::Result,
) -> Response {
    match serde_json::from_value(request.params) {
        Ok(params) => Response::new_ok(request.id, answer(params)),
        Err(error) => {
            Response::new_err(request.id, ErrorCode::InvalidParams as i32, error.to_string())
        }
    }
}
