use futures_util::future::join_all;
use futures_util::{FutureExt, poll};
use sluice_message::Message;
use tokio::time::timeout;

use super::*;

fn batch(content: &str) -> Batch {
    Message::from(content).into()
}

fn content(parcel: &Parcel) -> String {
    String::from_utf8(parcel.shipment().batch[0].bytes().to_vec()).unwrap()
}

/// Takes what is at hand, as delivered.
#[track_caller]
fn take(client: &mut Subscription) -> String {
    let parcel = client.next().now_or_never().flatten().expect("nothing at hand");
    let content = content(&parcel);
    parcel.delivered();
    content
}

#[tokio::test]
async fn clients_of_a_group_take_turns() {
    let hub = Hub::new(Gauge::default());
    let mut clients: Vec<_> = (0..3).map(|_| hub.subscribe("g").unwrap()).collect();
    for client in &mut clients {
        assert!(client.next().now_or_never().is_none());
    }
    for round in 0..2 {
        for (at, client) in clients.iter_mut().enumerate() {
            let name = format!("{round}.{at}");
            let mut sending = Box::pin(hub.send(batch(&name)));
            assert!(poll!(&mut sending).is_pending());
            assert_eq!(take(client), name);
            assert_eq!(sending.await, Ok(()));
            assert!(client.next().now_or_never().is_none());
        }
    }
}

#[tokio::test]
async fn clients_take_turns_at_what_is_queued_too() {
    let hub = Hub::new(Gauge::default());
    let clients: Vec<_> = (0..3).map(|_| hub.subscribe("g").unwrap()).collect();
    let mut sending = Box::pin(join_all((0..300).map(|n| hub.send(batch(&n.to_string())))));
    assert!(poll!(&mut sending).is_pending());
    let serve = |mut client: Subscription| async move {
        let mut taken = 0;
        while let Some(parcel) = client.next().await {
            parcel.delivered();
            taken += 1;
        }
        taken
    };
    let serving: Vec<_> = clients.into_iter().map(|client| tokio::spawn(serve(client))).collect();
    assert!(sending.await.iter().all(Result::is_ok));
    hub.close();
    for taken in join_all(serving).await {
        assert_eq!(taken.unwrap(), 100);
    }
}

#[tokio::test]
async fn every_group_gets_every_batch_and_all_must_have_it() {
    let hub = Hub::new(Gauge::default());
    let (mut a, mut b) = (hub.subscribe("a").unwrap(), hub.subscribe("b").unwrap());
    let mut sending = Box::pin(hub.send(batch("x")));
    assert!(poll!(&mut sending).is_pending());
    assert_eq!(take(&mut a), "x");
    assert!(poll!(&mut sending).is_pending());
    assert_eq!(take(&mut b), "x");
    assert_eq!(sending.await, Ok(()));
}

#[tokio::test]
async fn batches_wait_for_the_first_client_in_order() {
    let hub = Hub::new(Gauge::default());
    let mut first = Box::pin(hub.send(batch("1")));
    let mut second = Box::pin(hub.send(batch("2")));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    let mut client = hub.subscribe("").unwrap();
    assert_eq!(take(&mut client), "1");
    assert_eq!(take(&mut client), "2");
    assert_eq!(first.await, Ok(()));
}

#[tokio::test]
async fn a_client_that_vanishes_unread_leaves_the_batch_to_others() {
    let hub = Hub::new(Gauge::default());
    let mut sending = Box::pin(hub.send(batch("x")));
    assert!(poll!(&mut sending).is_pending());
    {
        let mut waiting = hub.subscribe("").unwrap();
        let parcel = waiting.next().now_or_never().flatten().unwrap();
        drop(parcel);
    }
    {
        let mut waiting = hub.subscribe("").unwrap();
        assert_eq!(waiting.next().now_or_never().flatten().map(|p| content(&p)), Some("x".into()));
    }
    assert!(poll!(&mut sending).is_pending());
    assert_eq!(take(&mut hub.subscribe("").unwrap()), "x");
    assert_eq!(sending.await, Ok(()));
}

#[tokio::test]
async fn a_seat_given_up_passes_its_batch_on() {
    let hub = Hub::new(Gauge::default());
    let mut early = hub.subscribe("").unwrap();
    let mut late = hub.subscribe("").unwrap();
    assert!(early.next().now_or_never().is_none());
    assert!(late.next().now_or_never().is_none());
    let mut sending = Box::pin(hub.send(batch("x")));
    assert!(poll!(&mut sending).is_pending());
    drop(early); // it had been called
    assert_eq!(take(&mut late), "x");
    assert_eq!(sending.await, Ok(()));
}

#[tokio::test]
async fn a_failed_write_is_refused_unless_another_client_can_have_it() {
    let hub = Hub::new(Gauge::default());
    let mut first = hub.subscribe("").unwrap();
    let mut second = hub.subscribe("").unwrap();
    let mut sending = Box::pin(hub.send(batch("x")));
    assert!(poll!(&mut sending).is_pending());
    first.next().now_or_never().flatten().unwrap().failed("broken pipe");
    drop(first);
    let mut parcel = second.next().now_or_never().flatten().unwrap();
    parcel.begin();
    drop(parcel);
    assert_eq!(sending.await, Err("the client went away".into()));
}

#[tokio::test]
async fn a_sender_that_gives_up_takes_its_batch_back() {
    let hub = Hub::new(Gauge::default());
    let mut client = hub.subscribe("").unwrap();
    for seated in [false, true] {
        if seated {
            assert!(client.next().now_or_never().is_none());
        }
        let mut sending = Box::pin(hub.send(batch("gone")));
        assert!(poll!(&mut sending).is_pending());
        drop(sending);
        assert!(client.next().now_or_never().is_none());
    }
    assert!(hub.lock().groups.values().all(|group| group.queue.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_group_lingers_for_its_polling_clients_and_is_then_forgotten() {
    let hub = Hub::new(Gauge::default());
    drop(hub.subscribe("poller").unwrap());
    let mut other = hub.subscribe("other").unwrap();
    let mut sending = Box::pin(hub.send(batch("1")));
    assert!(poll!(&mut sending).is_pending());
    assert_eq!(take(&mut other), "1");
    assert_eq!(take(&mut hub.subscribe("poller").unwrap()), "1");
    assert_eq!(sending.await, Ok(()));

    let began = Instant::now();
    let mut sending = Box::pin(hub.send(batch("2")));
    assert!(poll!(&mut sending).is_pending());
    assert_eq!(take(&mut other), "2");
    assert_eq!(sending.await, Ok(()));
    assert!(began.elapsed() >= LINGER && began.elapsed() < LINGER * 2);
    assert_eq!(hub.lock().groups.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_only_a_forgotten_group_had_waits_for_others() {
    let hub = Hub::new(Gauge::default());
    drop(hub.subscribe("gone").unwrap());
    let mut sending = Box::pin(hub.send(batch("x")));
    assert!(timeout(LINGER * 2, &mut sending).await.is_err());
    assert_eq!(take(&mut hub.subscribe("new").unwrap()), "x");
    assert_eq!(sending.await, Ok(()));
}

#[tokio::test]
async fn closing_ends_clients_and_senders() {
    let hub = Hub::new(Gauge::default());
    let mut client = hub.subscribe("").unwrap();
    let mut waiting = Box::pin(client.next());
    assert!(poll!(&mut waiting).is_pending());
    hub.close();
    assert!(waiting.await.is_none());
    assert!(hub.send(batch("x")).await.is_err());
    assert_eq!(hub.subscribe("").err(), Some(Refusal::Closed));
}

#[tokio::test]
async fn clients_are_counted_and_leave_nothing_behind() {
    let hub = Hub::new(Gauge::default());
    let clients: Vec<_> = (0..500)
        .map(|_| {
            let mut client = hub.subscribe("").unwrap();
            assert!(client.next().now_or_never().is_none());
            client
        })
        .collect();
    assert_eq!(hub.clients.get(), 500);
    drop(clients);
    assert_eq!(hub.clients.get(), 0);
    assert!(hub.lock().groups.values().all(|group| group.waiting.is_empty()));
}
