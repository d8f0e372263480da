//! Answers to the editor's questions.

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionItemTag, CompletionParams, CompletionResponse,
    CompletionTextEdit, Diagnostic, DiagnosticSeverity, DocumentFormattingParams, Documentation,
    GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverContents, HoverParams,
    InsertTextFormat, Location, MarkupContent, MarkupKind, NumberOrString, ParameterInformation,
    ParameterLabel, Range, SignatureHelp, SignatureHelpParams, SignatureInformation, TextEdit, Uri,
};
use sluice_bloblang::assist::{self, Item, ItemKind};
use sluice_bloblang::{Program, format};

use super::document::Documents;
use super::region::Units;

/// What the editor counts and takes.
#[derive(Clone, Copy)]
pub(super) struct Client {
    pub(super) units: Units,
    pub(super) takes_snippets: bool,
}

pub(super) fn diagnostics(documents: &Documents, client: Client, uri: &Uri) -> Vec<Diagnostic> {
    let Some(document) = documents.get(uri) else { return Vec::new() };
    let mut all = Vec::new();
    for region in &document.regions {
        // Environment variables of a configuration are put in before the mapping is read.
        let is_unfinished = !document.is_mapping && region.text.contains("${");
        let is_empty = document.is_mapping && region.text.trim().is_empty();
        if is_unfinished || is_empty {
            continue;
        }
        let Err(problems) = Program::parse(&region.text, &document.language) else { continue };
        all.extend(problems.0.iter().map(|problem| {
            let hint = problem.hint.as_ref().map(|hint| format!("\nhelp: {hint}"));
            Diagnostic {
                range: region.range(problem.span, client.units),
                severity: Some(DiagnosticSeverity::ERROR),
                code: Some(NumberOrString::String(problem.code.into())),
                source: Some("sluice".into()),
                message: format!("{}{}", problem.message, hint.unwrap_or_default()),
                ..Diagnostic::default()
            }
        }));
    }
    all
}

pub(super) fn hover(documents: &Documents, client: Client, params: &HoverParams) -> Option<Hover> {
    let place = &params.text_document_position_params;
    let document = documents.get(&place.text_document.uri)?;
    let region = document.region(place.position.line)?;
    let offset = region.offset(place.position, client.units);
    let hover = assist::hover(&region.text, offset, &document.language)?;
    Some(Hover {
        contents: HoverContents::Markup(markdown(hover.text)),
        range: Some(region.range(hover.span, client.units)),
    })
}

pub(super) fn completion(
    documents: &Documents,
    client: Client,
    params: &CompletionParams,
) -> Option<CompletionResponse> {
    let place = &params.text_document_position;
    let document = documents.get(&place.text_document.uri)?;
    let region = document.region(place.position.line)?;
    let offset = region.offset(place.position, client.units);
    let completion = assist::complete(&region.text, offset, &document.language);
    let range = region.range(completion.replace, client.units);
    let items = completion.items.into_iter().enumerate();
    Some(CompletionResponse::Array(
        items.map(|(at, item)| completion_item(at, item, range, client)).collect(),
    ))
}

fn completion_item(at: usize, item: Item, range: Range, client: Client) -> CompletionItem {
    let (format, new_text) = if client.takes_snippets {
        (InsertTextFormat::SNIPPET, item.insert)
    } else {
        (InsertTextFormat::PLAIN_TEXT, item.insert.replace("$0", "").replace("\\$", "$"))
    };
    CompletionItem {
        kind: Some(match item.kind {
            ItemKind::Function => CompletionItemKind::FUNCTION,
            ItemKind::Method => CompletionItemKind::METHOD,
            ItemKind::Parameter => CompletionItemKind::FIELD,
            ItemKind::Keyword => CompletionItemKind::KEYWORD,
            ItemKind::Variable | ItemKind::Context => CompletionItemKind::VARIABLE,
            ItemKind::Map => CompletionItemKind::MODULE,
            ItemKind::Metadata => CompletionItemKind::PROPERTY,
        }),
        detail: Some(item.detail),
        documentation: (!item.documentation.is_empty())
            .then(|| Documentation::MarkupContent(markdown(item.documentation))),
        tags: item.is_deprecated.then(|| vec![CompletionItemTag::DEPRECATED]),
        // The language's order: what is nearest to the place comes first.
        sort_text: Some(format!("{at:04}")),
        insert_text_format: Some(format),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text })),
        label: item.label,
        ..CompletionItem::default()
    }
}

pub(super) fn signature(
    documents: &Documents,
    client: Client,
    params: &SignatureHelpParams,
) -> Option<SignatureHelp> {
    let place = &params.text_document_position_params;
    let document = documents.get(&place.text_document.uri)?;
    let region = document.region(place.position.line)?;
    let offset = region.offset(place.position, client.units);
    let signature = assist::signature(&region.text, offset, &document.language)?;
    let parameters = signature.params.into_iter().map(|(label, summary)| ParameterInformation {
        label: ParameterLabel::Simple(label),
        documentation: Some(Documentation::MarkupContent(markdown(summary.to_owned()))),
    });
    let active = signature.active.and_then(|active| u32::try_from(active).ok());
    Some(SignatureHelp {
        signatures: vec![SignatureInformation {
            label: signature.label,
            documentation: Some(Documentation::MarkupContent(markdown(signature.summary))),
            parameters: Some(parameters.collect()),
            active_parameter: active,
        }],
        active_signature: Some(0),
        active_parameter: active,
    })
}

pub(super) fn definition(
    documents: &Documents,
    client: Client,
    params: GotoDefinitionParams,
) -> Option<GotoDefinitionResponse> {
    let place = params.text_document_position_params;
    let document = documents.get(&place.text_document.uri)?;
    let region = document.region(place.position.line)?;
    let offset = region.offset(place.position, client.units);
    let span = assist::definition(&region.text, offset, &document.language)?;
    let range = region.range(span, client.units);
    Some(GotoDefinitionResponse::Scalar(Location { uri: place.text_document.uri, range }))
}

/// One edit that replaces everything; none for what is no mapping or is formatted already.
pub(super) fn formatting(
    documents: &Documents,
    client: Client,
    params: &DocumentFormattingParams,
) -> Option<Vec<TextEdit>> {
    let document = documents.get(&params.text_document.uri)?;
    if !document.is_mapping {
        return None;
    }
    let region = document.regions.first()?;
    let new_text = format(&region.text, &document.language).ok()?;
    if new_text == document.text {
        return Some(Vec::new());
    }
    Some(vec![TextEdit { range: region.full_range(client.units), new_text }])
}

fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}
