//! A server that answers by script and remembers what it was asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// As on the request line, so absolute for proxies.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

type Script = dyn Fn(usize, &Asked) -> Response<Full<Bytes>> + Send + Sync;

/// The server, until dropped.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    record: Arc<Record>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Record {
    asked: Mutex<Vec<Asked>>,
    at_once: AtomicUsize,
    peak: AtomicUsize,
}

impl Target {
    /// `answer` gets the number of the request, from 0, and the request.
    pub(crate) async fn start(
        answer: impl Fn(usize, &Asked) -> Response<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        Self::with_tls(None, answer).await
    }

    pub(crate) async fn with_tls(
        tls: Option<Arc<rustls::ServerConfig>>,
        answer: impl Fn(usize, &Asked) -> Response<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let record: Arc<Record> = Arc::default();
        let script: Arc<Script> = Arc::new(answer);
        let tls = tls.map(TlsAcceptor::from);
        let task = tokio::spawn({
            let record = record.clone();
            async move {
                loop {
                    let (socket, _) = listener.accept().await.unwrap();
                    let (record, script, tls) = (record.clone(), script.clone(), tls.clone());
                    tokio::spawn(async move {
                        match tls {
                            None => serve(socket, record, script).await,
                            Some(tls) => {
                                if let Ok(socket) = tls.accept(socket).await {
                                    serve(socket, record, script).await;
                                }
                            }
                        }
                    });
                }
            }
        });
        Self { address, record, task }
    }

    /// A server that gives every request this answer.
    pub(crate) async fn answering(status: u16, body: &'static str) -> Self {
        Self::start(move |_, _| answer(status, body)).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.record.asked.lock().unwrap().clone()
    }

    /// Most requests that were under way at once.
    pub(crate) fn peak(&self) -> usize {
        self.record.peak.load(Ordering::Relaxed)
    }

    #[track_caller]
    pub(crate) fn asked_once(&self) -> Asked {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked[0].clone()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<S>(socket: S, record: Arc<Record>, script: Arc<Script>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (record, script) = (record.clone(), script.clone());
        async move {
            let (parts, body) = request.into_parts();
            let asking = Asked {
                method: parts.method.to_string(),
                target: parts.uri.to_string(),
                headers: parts.headers,
                body: body.collect().await.unwrap().to_bytes(),
            };
            let number = {
                let mut asked = record.asked.lock().unwrap();
                asked.push(asking.clone());
                asked.len() - 1
            };
            let at_once = record.at_once.fetch_add(1, Ordering::Relaxed) + 1;
            record.peak.fetch_max(at_once, Ordering::Relaxed);
            let response = script(number, &asking);
            if let Some(delay) = response.extensions().get::<Duration>() {
                tokio::time::sleep(*delay).await;
            }
            record.at_once.fetch_sub(1, Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        }
    });
    let builder = Builder::new(TokioExecutor::new());
    let _ = builder.serve_connection_with_upgrades(TokioIo::new(socket), service).await;
}

pub(crate) fn answer(status: u16, body: &'static str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
}

pub(crate) fn with_header(
    mut response: Response<Full<Bytes>>,
    name: &'static str,
    value: &str,
) -> Response<Full<Bytes>> {
    response.headers_mut().append(name, value.parse().unwrap());
    response
}

pub(crate) fn after(delay: Duration, mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    response.extensions_mut().insert(delay);
    response
}
