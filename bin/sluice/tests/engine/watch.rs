//! `run -w`: a stream follows the files that it was read from.

use crate::support::Place;

fn config(mapping: &str) -> String {
    format!(
        "http: {{ enabled: false }}\n\
         input: {{ generate: {{ interval: 10ms, mapping: '{mapping}' }} }}\n\
         pipeline: {{ processors: [ {{ resource: suffix }} ] }}\n\
         output: {{ file: {{ path: out.txt, codec: lines }} }}\n"
    )
}

fn resources(suffix: &str) -> String {
    format!(
        "processor_resources: [ {{ label: suffix, mapping: root = content() + \"{suffix}\" }} ]\n"
    )
}

#[test]
fn a_watched_stream_follows_its_files_and_keeps_running_when_they_are_wrong() {
    let place = Place::with(&[
        ("config.yaml", &config("root = \"one\"")),
        ("resources.yaml", &resources("!")),
    ]);
    let program = place.start(&["-w", "-r", "resources.yaml", "-c", "config.yaml"]);
    program.writes("out.txt", "one!\n");
    place.write("config.yaml", &config("root = \"two\""));
    program.writes("out.txt", "two!\n");
    place.write("resources.yaml", &resources("?"));
    program.writes("out.txt", "two?\n");
    place.write("config.yaml", &config("root = this.not.(a mapping"));
    program.says("Rejecting updated main config due to linter errors");
    let before = place.read("out.txt").len();
    program.until("more lines", || (place.read("out.txt").len() > before).then_some(()));
    place.write("config.yaml", &config("root = \"three\""));
    program.writes("out.txt", "three?\n");
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn a_mapping_from_a_file_is_watched_too() {
    let config = "
http: { enabled: false }
input: { generate: { interval: 10ms, mapping: root = \"word\" } }
pipeline: { processors: [ { mapping: 'from \"./mapping.blobl\"' } ] }
output: { file: { path: out.txt, codec: lines } }
";
    let place =
        Place::with(&[("config.yaml", config), ("mapping.blobl", "root = content() + \"1\"")]);
    let program = place.start(&["-w", "-c", "config.yaml"]);
    program.writes("out.txt", "word1\n");
    place.write("mapping.blobl", "root = content() + \"2\"");
    program.writes("out.txt", "word2\n");
    assert_eq!(program.stop(), Some(0));
}
