//! Fields that cannot be used are refused by name. The tables are compared in `components/all`.

use crate::support::*;

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    run(async {
        let world = world();
        let long = "x".repeat(256);
        for (kind, config, reason) in [
            ("input", "{urls: [], queue: q}", "must specify at least one URL"),
            ("input", "{urls: ['http://a'], queue: q}", "field urls: invalid AMQP URL"),
            ("input", "{urls: ['amqp://a'], queue: q, prefetch_size: 1}", "field prefetch_size"),
            ("input", "{urls: ['amqp://a'], queue: q, prefetch_count: -1}", "field prefetch_count"),
            (
                "input",
                "{urls: ['amqp://a'], queue: q, nack_reject_patterns: ['(']}",
                "failed to compile nack reject pattern",
            ),
            ("input", "{urls: ['amqp://a'], queue: q, tls: {enabled: true}}", "field tls.enabled"),
            (
                "input",
                &format!("{{urls: ['amqp://a'], queue: {long}}}"),
                "field queue: more than 255",
            ),
            (
                "output",
                "{urls: ['amqps://a'], exchange: e, tls: {enabled: true, enable_renegotiation: true}}",
                "tls.enable_renegotiation is not supported",
            ),
        ] {
            let error = world.refusal(kind, &format!("amqp_0_9: {config}"));
            assert!(error.contains(reason), "{config}: {error}");
        }
        let error = world.refusal("input", "amqp_0_9: {urls: ['ampq://me:secret@a'], queue: q}");
        assert!(!error.contains("secret"), "{error}");
    });
}
