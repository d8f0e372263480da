//! Methods that read and write document formats.

mod bloblang;
mod format_json;
mod format_msgpack;
mod format_xml;
mod format_yaml;
mod json_path;
mod json_schema;
mod parse_big_decimal;
mod parse_csv;
mod parse_form_url_encoded;
mod parse_json;
mod parse_msgpack;
mod parse_parquet;
mod parse_url;
mod parse_xml;
mod parse_yaml;

use super::{Method, content_of};

pub(super) const METHODS: &[Method] = &[
    bloblang::METHOD,
    format_json::METHOD,
    format_msgpack::METHOD,
    format_xml::METHOD,
    format_yaml::METHOD,
    json_path::METHOD,
    json_schema::METHOD,
    parse_big_decimal::METHOD,
    parse_csv::METHOD,
    parse_form_url_encoded::METHOD,
    parse_json::METHOD,
    parse_msgpack::METHOD,
    parse_parquet::METHOD,
    parse_url::METHOD,
    parse_xml::METHOD,
    parse_yaml::METHOD,
];
