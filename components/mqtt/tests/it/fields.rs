//! Fields that cannot be used are refused by name. The tables are compared in `components/all`.

use crate::support::*;

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    run(async {
        let world = world();
        for (kind, config, reason) in [
            ("input", "{urls: [], topics: [t]}", "must specify at least one URL"),
            ("input", "{urls: ['tcp://a'], topics: []}", "field topics: at least one is needed"),
            ("input", "{urls: ['ws://a'], topics: [t]}", "the scheme 'ws' is not supported"),
            (
                "input",
                "{urls: ['tcp://a'], topics: ['a/#/b']}",
                "'a/#/b': '#' must be the last level",
            ),
            ("input", "{urls: ['tcp://a'], topics: [t], qos: 3}", "field qos: expected 0, 1 or 2"),
            ("input", "{urls: ['tcp://a'], topics: [t], keepalive: -1}", "field keepalive"),
            (
                "input",
                "{urls: ['tcp://a'], topics: [t], tls: {enabled: true}}",
                "field tls.enabled",
            ),
            (
                "input",
                "{urls: ['tcp://a'], topics: [t], dynamic_client_id_suffix: uuid}",
                "unknown dynamic_client_id_suffix: uuid",
            ),
            (
                "output",
                "{urls: ['tcp://a'], topic: t, will: {enabled: true}}",
                "include topic to register a last will",
            ),
            (
                "output",
                "{urls: ['ssl://a'], topic: t, tls: {enabled: true, enable_renegotiation: true}}",
                "tls.enable_renegotiation is not supported",
            ),
            (
                "output",
                "{urls: ['tcp://a'], topic: t, qos: 7}",
                "field qos: expected 0, 1 or 2, found 7",
            ),
        ] {
            let error = world.refusal(kind, &format!("mqtt: {config}"));
            assert!(error.contains(reason), "{config}: {error}");
        }
    });
}
