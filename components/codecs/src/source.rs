//! Where definitions of schemas come from.

use std::time::Duration;

use sluice_config::Node;
use sluice_engine::{BuildError, Scope};
use sluice_http::api::{ApiClient, ApiSettings, ApiTlsConfig, JwtConfig, TransportConfig};

/// Longest time for a server to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The text of a schema that a configuration names by its place.
///
/// # Errors
/// It is neither a file nor on a server, or cannot be read. Files are read as mappings read them:
/// not at all where configurations come from strangers.
pub(crate) fn at(place: &str, scope: &Scope) -> Result<String, BuildError> {
    let content = if let Some(path) = place.strip_prefix("file://") {
        let host = scope.environment().registry.language().host().clone();
        host.read_file(path).map_err(BuildError::new)?
    } else if place.starts_with("http://") {
        fetched(place, scope)?
    } else {
        return Err(BuildError::new(
            "invalid schema_path provided, must start with file:// or http://",
        ));
    };
    String::from_utf8(content.into()).map_err(|_| BuildError::new("schema is not UTF-8 text"))
}

/// What a server has at a URL. Components are built without waiting, hence a thread that does.
fn fetched(url: &str, scope: &Scope) -> Result<bytes::Bytes, BuildError> {
    let nothing = Node::empty_map();
    // Without connections that are kept: they would belong to the thread.
    let transport = TransportConfig { max_idle_connections: 0, ..scope.read(&nothing)? };
    let (tls, jwt): (ApiTlsConfig, JwtConfig) = (scope.read(&nothing)?, scope.read(&nothing)?);
    let settings = ApiSettings {
        transport: &transport,
        tls: &tls,
        oauth: None,
        basic_auth: None,
        jwt: &jwt,
        timeout: TIMEOUT,
    };
    let client = ApiClient::new(settings, scope)?;
    let asking = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(client.get(url, "*/*"))
    };
    let answer = std::thread::scope(|threads| threads.spawn(asking).join());
    match answer {
        Ok(Ok((200, content))) => Ok(content),
        Ok(Ok((status, _))) => Err(BuildError::new(format!("{url}: status code {status}"))),
        Ok(Err(problem)) => Err(BuildError::new(format!("{url}: {problem}"))),
        Err(_) => Err(BuildError::new(format!("{url}: could not be fetched"))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use sluice_engine::Registry;
    use sluice_testkit::environment;

    use super::*;

    #[test]
    fn schemas_are_fetched_from_servers() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/s.json", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /s.json "));
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nschema";
            stream.write_all(answer).unwrap();
        });
        let scope = Scope::root(environment(Registry::default()));
        assert_eq!(at(&url, &scope).unwrap(), "schema");
        server.join().unwrap();
        let error = at("file:///etc/hostname", &scope).unwrap_err().to_string();
        assert_eq!(error, "imports are disabled in this context");
        assert!(at("/etc/hostname", &scope).is_err());
    }
}
