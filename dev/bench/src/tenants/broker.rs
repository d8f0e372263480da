//! What the broker knows, asked for in its own protocol.

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The request `ListGroups` in its oldest form: key, version, correlation id, no client id.
const LIST_GROUPS: [u8; 10] = [0, 16, 0, 0, 0, 0, 0, 1, 0xff, 0xff];

/// How many consumer groups the broker keeps, with and without members.
pub(super) async fn groups(broker: &str) -> Result<usize> {
    let mut stream = TcpStream::connect(broker).await?;
    stream.write_u32(LIST_GROUPS.len() as u32).await?;
    stream.write_all(&LIST_GROUPS).await?;
    let mut answer = vec![0; stream.read_u32().await? as usize];
    stream.read_exact(&mut answer).await?;
    // A correlation id, a code, and how many follow.
    let (code, count) = (answer.get(4..6), answer.get(6..10));
    ensure!(code == Some(&[0, 0]), "the broker lists no groups: {code:?}");
    let count = count.and_then(|it| it.try_into().ok()).context("a short answer")?;
    Ok(u32::from_be_bytes(count) as usize)
}
