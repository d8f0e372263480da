use sluice_testkit::Scenes;

const SCENES: Scenes = Scenes {
    components: |registry| {
        sluice_builtin::register(registry);
        sluice_queries::register(registry);
    },
};

/// What a processor that cannot be built is refused with.
#[track_caller]
pub(crate) fn refusal(processor: &str) -> String {
    SCENES.refusal(&format!(
        "input: {{ generate: {{ mapping: 'root = 1' }} }}\noutput: {{ drop: {{}} }}\n\
         pipeline: {{ threads: 1, processors: [ {processor} ] }}"
    ))
}

/// What a processor makes of a message: its content, or `failed: ` and the error.
#[track_caller]
pub(crate) fn one(processor: &str, message: &str) -> String {
    let tell = r#"{ mapping: 'root = if errored() { "failed: " + error() } else { content() }' }"#;
    let mut out = through(&format!("{processor}, {tell}"), &[message]);
    match out.len() {
        0 => "dropped".to_owned(),
        1 => out.remove(0),
        _ => out.join("|"),
    }
}

/// Sends a batch through processors.
#[track_caller]
pub(crate) fn through(processors: &str, batch: &[&str]) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { SCENES.through(processors, batch).await })
}
