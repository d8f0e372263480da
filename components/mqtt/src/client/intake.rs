//! The task that takes packets in.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, PubAck, PubComp, PubRec, PubRel, Publish};
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;

use super::outbox::Outbox;
use super::{Client, Place, Routed, Waiting};
use crate::link::Packets;

/// How often a reader that cannot follow is looked at.
const PARDON: Duration = Duration::from_secs(1);
/// Contents below this size are copied out of the buffer that they came in, which they would hold.
const SMALL: usize = 64 << 10;

/// Takes packets in until the connection is gone or nobody is on it.
pub(super) async fn serve<R: AsyncRead + Unpin>(
    mut packets: Packets<R>,
    client: Weak<Client>,
    outbox: Arc<Outbox>,
    down: CancellationToken,
) {
    let problem = loop {
        let packet = tokio::select! {
            biased;
            () = down.cancelled() => break None,
            packet = packets.next() => packet,
        };
        let Some(client) = client.upgrade() else { break None };
        let taken = match packet {
            Ok(packet) => client.take(packet),
            Err(problem) => break Some(problem),
        };
        drop(client);
        match taken {
            Err(problem) => break Some(problem),
            Ok(Routed { slow: Some(inbox), .. }) => {
                // The broker waits, and nobody else is here.
                loop {
                    tokio::select! {
                        () = down.cancelled() => break,
                        () = inbox.room() => break,
                        () = tokio::time::sleep(PARDON) => outbox.pardon(),
                    }
                }
                outbox.pardon();
            }
            Ok(_) => {}
        }
    };
    if let Some(client) = client.upgrade() {
        match &problem {
            Some(problem) => client.fail(problem),
            None => client.down.cancel(),
        }
        client.dismiss();
    }
}

impl Client {
    fn take(self: &Arc<Self>, packet: Packet) -> Result<Routed, String> {
        match packet {
            Packet::Publish(publish) => return Ok(self.take_message(publish)),
            Packet::PubAck(PubAck { pkid }) => self.published(pkid, false),
            Packet::PubRec(PubRec { pkid }) => {
                self.outbox.put(&Packet::PubRel(PubRel::new(pkid)));
            }
            Packet::PubComp(PubComp { pkid }) => self.published(pkid, true),
            Packet::PubRel(PubRel { pkid }) => {
                self.table().received.remove(&pkid);
                self.outbox.put(&Packet::PubComp(PubComp::new(pkid)));
            }
            Packet::SubAck(answer) => {
                let waiting = self.table().waiting.remove(&answer.pkid);
                if let Some(Waiting::Subscribed(done)) = waiting {
                    let _ = done.send(answer.return_codes); // whoever asked may be gone
                }
            }
            Packet::UnsubAck(answer) => {
                self.table().waiting.remove(&answer.pkid);
            }
            Packet::PingResp => self.outbox.is_alive(),
            other => return Err(format!("protocol Violation: unexpected {other:?}")),
        }
        Ok(Routed::default())
    }

    fn published(&self, pkid: u16, exactly_once: bool) {
        let mut table = self.table();
        let is_it = |waiting: &Waiting| match waiting {
            Waiting::Published { exactly_once: expected, .. } => *expected == exactly_once,
            _ => false,
        };
        if table.waiting.get(&pkid).is_some_and(is_it)
            && let Some(Waiting::Published { done, .. }) = table.waiting.remove(&pkid)
        {
            let _ = done.send(()); // whoever asked may be gone
        }
    }

    fn take_message(self: &Arc<Self>, mut publish: Publish) -> Routed {
        let pkid = publish.pkid;
        if publish.qos == QoS::ExactlyOnce {
            let known = self.table().received.get(&pkid).copied();
            match known {
                None => drop(self.table().received.insert(pkid, false)),
                Some(answered) => {
                    if answered {
                        self.outbox.put(&Packet::PubRec(PubRec::new(pkid)));
                    }
                    return Routed::default();
                }
            }
        }
        if publish.payload.len() < SMALL {
            publish.payload = Bytes::copy_from_slice(&publish.payload);
        }
        let routed = self.route(&publish);
        if publish.qos != QoS::AtMostOnce && !routed.owes_receipt {
            self.acknowledge(pkid);
        }
        routed
    }

    /// Tells everybody aboard that it is over.
    fn dismiss(&self) {
        let mut places: Vec<Arc<Place>> = Vec::new();
        {
            let mut table = self.table();
            table.waiting.clear();
            let routes = std::mem::take(&mut table.routes);
            routes.each(&mut |place: &Arc<Place>| places.push(place.clone()));
        }
        let problem = self.problem();
        for place in places {
            place.inbox.end(&problem);
        }
    }
}
