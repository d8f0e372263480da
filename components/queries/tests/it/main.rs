mod awk;
mod grok;
mod jmespath;
mod jq;
mod support;
mod template;
