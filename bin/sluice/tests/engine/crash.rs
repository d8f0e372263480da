//! What was acknowledged stays, whatever happens to the program or to where it writes.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::Place;

#[test]
fn what_was_acknowledged_survives_kills() {
    let config = "
http: { address: '127.0.0.1:PORT' }
input: { http_server: { path: /in } }
pipeline: { processors: [ { mapping: root = content() }, { split: {} } ] }
output: { file: { path: out.txt, codec: lines } }
";
    let place = Place::with(&[("config.yaml", config)]);
    let is_over = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4_u32)
            .map(|sender| {
                let (place, is_over) = (&place, &is_over);
                scope.spawn(move || {
                    let mut acknowledged = Vec::new();
                    for number in 0.. {
                        if is_over.load(Ordering::Relaxed) {
                            break;
                        }
                        let message = format!("{sender}-{number}");
                        // An error says nothing of what became of the message: not so a 200.
                        if place.try_post("/in", &message).is_ok_and(|reply| reply.status == 200) {
                            acknowledged.push(message);
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        for round in 1..=4 {
            let program = place.start(&["-c", "config.yaml"]);
            let lines = || place.read("out.txt").lines().count();
            program.until("messages", || (lines() > round * 100).then_some(()));
            program.kill();
        }
        is_over.store(true, Ordering::Relaxed);
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(acknowledged.len() > 100, "only {} were acknowledged", acknowledged.len());
    let written = place.read("out.txt");
    let written: BTreeSet<&str> = written.lines().collect();
    let lost: Vec<_> = acknowledged.iter().filter(|it| !written.contains(it.as_str())).collect();
    assert!(lost.is_empty(), "{} of {} were lost: {lost:?}", lost.len(), acknowledged.len());
}

#[test]
fn an_output_that_stands_still_holds_the_input() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap(); // takes connections, never answers
    let config = format!(
        "
http: {{ address: '127.0.0.1:PORT' }}
metrics: {{ json_api: {{}} }}
shutdown_timeout: 1s
input: {{ generate: {{ interval: '', mapping: 'root = \"x\".repeat(10000)' }} }}
output: {{ http_client: {{ url: 'http://{}/', timeout: 1h, max_in_flight: 4 }} }}
",
        nobody.local_addr().unwrap()
    );
    let place = Place::with(&[("config.yaml", &config)]);
    let program = place.start(&["-c", "config.yaml"]);
    let received = || {
        let stats = program.get("/stats").json("");
        stats["input_received{label=\"\",path=\"root.input\"}"].as_u64().unwrap_or(0)
    };
    let mut before = 0;
    program.until("a standstill", || {
        let now = received();
        std::thread::sleep(std::time::Duration::from_millis(200));
        (now > 0 && std::mem::replace(&mut before, now) == now).then_some(())
    });
    // What a few threads and their hand-over hold, not what an unbounded queue would by now.
    assert!(received() < 5000, "{} messages were read", received());
}
