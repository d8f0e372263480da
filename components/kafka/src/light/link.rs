//! A connection to a broker: requests one after the other, answers in the same order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadHalf, WriteHalf,
};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::login::Identity;
use super::wire::{Request, Response, SASL_AUTHENTICATE, SASL_HANDSHAKE};

/// Longest wait for a connection and its login.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Answers are short, and several are read at once.
const BUFFER: usize = 8 * 1024;
/// Who waits with so many others waits this much longer, so that their answers are read together: a
/// broker gives them one by one, and to wake up for each costs more than what there is to do.
const CROWD: usize = 8;
const GATHER: Duration = Duration::from_millis(2);
/// Larger answers are none that was asked for.
const MOST_BYTES: usize = 64 << 20;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open connection, shared by all who ask.
pub(super) struct Link {
    desk: Arc<Desk>,
    _reader: AbortOnDropHandle<()>,
    _writer: AbortOnDropHandle<()>,
}

/// Who waits for which answer, and what is to be sent.
#[derive(Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    has_mail: Notify,
}

#[derive(Default)]
struct Waiting {
    next: i32,
    askers: HashMap<i32, oneshot::Sender<Vec<u8>>>,
    /// Requests that go out with the next write; as many as there are askers at most.
    outbox: Vec<u8>,
    closed: bool,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    /// # Errors
    /// The broker cannot be reached, or lets nobody in who is like us.
    pub(super) async fn open(host: &str, port: u16, identity: &Identity) -> Result<Self, String> {
        let opening = async {
            let mut stream = connect(host, port, identity).await?;
            log_in(&mut stream, identity).await?;
            Ok::<_, String>(stream)
        };
        let opened = timeout(CONNECT_PATIENCE, opening).await;
        let problem = |problem: String| format!("{host}:{port}: {problem}");
        let stream = opened.map_err(|_| problem("no answer in time".into()))?.map_err(problem)?;
        let (reader, writer) = tokio::io::split(stream);
        let desk = Arc::<Desk>::default();
        let reader = BufReader::with_capacity(BUFFER, reader);
        let reading = tokio::spawn(read(reader, desk.clone()));
        let writing = tokio::spawn(write(writer, desk.clone()));
        Ok(Self {
            desk,
            _reader: AbortOnDropHandle::new(reading),
            _writer: AbortOnDropHandle::new(writing),
        })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.desk.lock().closed
    }

    /// Sends a request and waits for its answer; others may ask meanwhile.
    ///
    /// # Errors
    /// The connection ended, or the answer takes too long: it cannot be used any more then.
    pub(super) async fn ask(&self, request: Request) -> Result<Vec<u8>, String> {
        let (asker, answer) = oneshot::channel();
        {
            let mut waiting = self.desk.lock();
            if waiting.closed {
                return Err("the connection to the broker ended".into());
            }
            waiting.next = waiting.next.wrapping_add(1);
            let correlation = waiting.next;
            waiting.askers.insert(correlation, asker);
            waiting.outbox.extend(request.finish(correlation));
        }
        self.desk.has_mail.notify_one();
        let asking =
            async { answer.await.map_err(|_| "the connection to the broker ended".to_owned()) };
        let answered = timeout(PATIENCE, asking).await;
        let answered = answered.unwrap_or_else(|_| Err("no answer from the broker in time".into()));
        if answered.is_err() {
            close(&self.desk); // a broker that is late with one answer is late with all
        }
        answered
    }
}

/// Sends requests, as many at once as have gathered meanwhile.
async fn write(mut writer: WriteHalf<Box<dyn Stream>>, desk: Arc<Desk>) {
    loop {
        let requests = std::mem::take(&mut desk.lock().outbox);
        if requests.is_empty() {
            desk.has_mail.notified().await;
            continue;
        }
        if writer.write_all(&requests).await.is_err() || writer.flush().await.is_err() {
            return close(&desk);
        }
    }
}

/// Passes answers on until the connection ends.
async fn read(mut reader: BufReader<ReadHalf<Box<dyn Stream>>>, desk: Arc<Desk>) {
    while let Ok(answer) = answer(&mut reader).await {
        let Some((correlation, body)) = answer.split_first_chunk::<4>() else { break };
        let (asker, left) = {
            let askers = &mut desk.lock().askers;
            (askers.remove(&i32::from_be_bytes(*correlation)), askers.len())
        };
        if let Some(asker) = asker {
            let _ = asker.send(body.to_vec()); // whoever asked may have left
        }
        if left >= CROWD && reader.buffer().is_empty() {
            sleep(GATHER).await;
        }
    }
    close(&desk);
}

fn close(desk: &Desk) {
    let mut waiting = desk.lock();
    waiting.closed = true;
    waiting.askers.clear();
    waiting.outbox.clear();
}

/// The next answer, with its correlation id.
async fn answer<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, String> {
    let length = stream.read_u32().await.map_err(|error| error.to_string())? as usize;
    if length > MOST_BYTES {
        return Err("the broker's answer is too long".into());
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await.map_err(|error| error.to_string())?;
    Ok(answer)
}

async fn connect(host: &str, port: u16, identity: &Identity) -> Result<Box<dyn Stream>, String> {
    let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let Some(tls) = &identity.tls else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let connector = tokio_rustls::TlsConnector::from(tls.clone());
    let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
    Ok(Box::new(stream))
}

async fn log_in(stream: &mut Box<dyn Stream>, identity: &Identity) -> Result<(), String> {
    let Some(sasl) = &identity.sasl else { return Ok(()) };
    let mut handshake = Request::new(SASL_HANDSHAKE, &identity.client_id);
    handshake.text(&sasl.mechanism);
    let heard = exchange(stream, handshake).await?;
    let code = Response(&heard).int16().map_err(|error| error.to_string())?;
    if code != 0 {
        return Err(format!("the broker does not take {}", sasl.mechanism));
    }
    let mut next = Some(sasl.begin()?);
    while let Some((said, state)) = next {
        let mut request = Request::new(SASL_AUTHENTICATE, &identity.client_id);
        request.content(&said);
        let heard = exchange(stream, request).await?;
        let mut heard = Response(&heard);
        let garbled = |error: super::wire::Garbled| error.to_string();
        let (code, problem) = (heard.int16().map_err(garbled)?, heard.text().map_err(garbled)?);
        if code != 0 {
            return Err(format!("the broker does not let us in: {problem}"));
        }
        next = sasl.go_on(state, heard.content().map_err(garbled)?)?;
    }
    Ok(())
}

/// One request and its answer, before others may ask.
async fn exchange(stream: &mut Box<dyn Stream>, request: Request) -> Result<Vec<u8>, String> {
    stream.write_all(&request.finish(0)).await.map_err(|error| error.to_string())?;
    let heard = answer(stream).await?;
    heard.get(4..).map(<[u8]>::to_vec).ok_or_else(|| "the broker's answer is too short".into())
}
