//! What an operator decides about the data plane; read once at start, plain values afterwards.

use std::time::Duration;

use sluice_model::TlsProfile;

/// How requests are routed, checked and answered.
#[derive(Clone, Debug)]
pub struct PlaneSettings {
    /// Listen paths end at segment boundaries: `/app` no longer covers `/apple`.
    pub strict_routes: bool,
    /// Serve `//` and `..` as they are instead of redirecting to the clean path.
    pub skip_url_cleaning: bool,
    /// Which `X-Forwarded-For` entry is the client: 0 the leftmost, n the n-th from the right.
    pub xff_depth: usize,
    /// Leave `X-Generator` out of the gateway's own errors.
    pub hide_generator_header: bool,
    /// Close client connections after each answer.
    pub close_connections: bool,
    /// Larger request bodies are refused with 413.
    pub max_request_body: Option<u64>,
    /// Largest form body read ahead for context variables; larger ones are refused with 413.
    pub max_form_body: u64,
    /// If set, the only host name that reaches APIs.
    pub hostname: Option<String>,
    pub upstream: UpstreamSettings,
}

impl Default for PlaneSettings {
    fn default() -> Self {
        Self {
            strict_routes: false,
            skip_url_cleaning: false,
            xff_depth: 0,
            hide_generator_header: false,
            close_connections: false,
            max_request_body: None,
            max_form_body: 10 << 20,
            hostname: None,
            upstream: UpstreamSettings::default(),
        }
    }
}

/// How upstreams are reached when an API says nothing else.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Time until response headers must arrive, counted from the last piece of request body.
    pub timeout: Duration,
    /// Idle connections kept per host.
    pub idle_per_host: usize,
    /// One request per connection.
    pub close_connections: bool,
    /// Offer HTTP/2 to TLS upstreams.
    pub http2: bool,
    /// Added to each API's own demands.
    pub tls: TlsProfile,
}

impl Default for UpstreamSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            idle_per_host: 100,
            close_connections: false,
            http2: false,
            tls: TlsProfile::default(),
        }
    }
}

/// What one listener allows its clients.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections, upgraded ones included; further ones hear 503 and are closed.
    pub max_connections: usize,
    /// Time for a TLS handshake and for the head of a connection's first request.
    pub header_timeout: Duration,
    /// Longest silence inside a request body.
    pub read_timeout: Duration,
    /// Longest time a client may refuse to take data that wait for it.
    pub write_timeout: Duration,
    /// Longest time from a request to the head of the next one on the same connection.
    pub idle_timeout: Duration,
    /// Size of a request head: request line and headers (at most 64 KiB of them in HTTP/2).
    pub max_header_bytes: usize,
    pub max_headers: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub max_concurrent_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 50_000,
            header_timeout: Duration::from_mins(1),
            read_timeout: Duration::from_mins(2),
            write_timeout: Duration::from_mins(2),
            idle_timeout: Duration::from_mins(2),
            max_header_bytes: 256 << 10,
            max_headers: 200,
            max_concurrent_streams: 250,
        }
    }
}
