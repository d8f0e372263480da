//! What can be asked for on the command line.
//!
//! The flags and their spelling are those of the reference, so that its command lines work here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  sluice list inputs                                 what can be read from
  sluice create kafka/mapping/http_client > c.yaml   a configuration to start from
  sluice lint ./config/...                           what is wrong with these files
  sluice -c ./config.yaml                            run a stream
  sluice -r './resources/*.yaml' -c ./config.yaml    run it with shared resources
  echo '{\"a\":1}' | sluice blobl 'root.b = this.a + 1'";

/// Event-streaming API gateway and stream processor.
///
/// Without a command, runs the stream that the configuration describes.
#[derive(Debug, Parser)]
#[command(name = "sluice", after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    /// Print the version and exit.
    #[arg(short = 'v', long)]
    pub version: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that stand before the command, and behind those commands that read configurations.
#[derive(Args, Clone, Debug, Default)]
pub struct Globals {
    /// Configuration file to run.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<String>,
    /// Files with resources that the configuration may refer to; patterns need quotes.
    #[arg(short, long, value_name = "FILES", value_delimiter = ',')]
    pub resources: Vec<String>,
    /// Files with templates: components made of components; patterns need quotes.
    #[arg(short, long, value_name = "FILES", value_delimiter = ',')]
    pub templates: Vec<String>,
    /// Set a field of the configuration, such as `input.stdin.max_buffer=10`.
    #[arg(short, long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Files to take environment variables from, with lines such as `NAME=value`.
    #[arg(short, long, value_name = "FILES", value_delimiter = ',')]
    pub env_file: Vec<String>,
    /// Log this level and above: off, fatal, error, warn, info, debug, trace, all.
    #[arg(long = "log.level", value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Run even if the linter complains.
    #[arg(long)]
    pub chilled: bool,
    /// Apply changes of configuration files while running.
    #[arg(short, long)]
    pub watcher: bool,
}

impl Globals {
    /// These flags with those that were given behind the command: later ones win, lists join.
    #[must_use]
    pub fn with(mut self, behind: Self) -> Self {
        self.config = behind.config.or(self.config);
        self.log_level = behind.log_level.or(self.log_level);
        self.resources.extend(behind.resources);
        self.templates.extend(behind.templates);
        self.set.extend(behind.set);
        self.env_file.extend(behind.env_file);
        self.chilled |= behind.chilled;
        self.watcher |= behind.watcher;
        self
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the stream that a configuration describes.
    Run(RunArgs),
    /// Report what is wrong with configuration files.
    ///
    /// Exits with code 1 if something is. Arguments are files, patterns, and directories with all
    /// below them (`dir/...`); of Markdown files the YAML blocks are checked.
    #[command(
        after_help = "Examples:\n  sluice lint ./configs/*.yaml\n  sluice lint ./configs/...\n  sluice -r ./resources.yaml lint ./config.yaml\n  sluice lint --types --format json ./config.yaml"
    )]
    Lint(LintArgs),
    /// List components, functions and methods.
    #[command(
        after_help = "Examples:\n  sluice list\n  sluice list --format json inputs outputs\n  sluice list --format jsonschema > schema.json\n\nKinds: inputs, processors, outputs, caches, rate-limits, buffers, metrics, tracers, scanners,\nbloblang-functions, bloblang-methods"
    )]
    List(ListArgs),
    /// Write the reference of components, as Markdown and a JSON schema for editors.
    #[command(after_help = "Example:\n  sluice docs ./docs/components")]
    Docs {
        /// Directory to write to.
        directory: PathBuf,
    },
    /// Print a new configuration with the named components.
    ///
    /// The expression is three comma-separated lists with slashes between them: inputs,
    /// processors, outputs.
    #[command(
        after_help = "Examples:\n  sluice create stdin/mapping,jq/nats\n  sluice create -s kafka//file > config.yaml"
    )]
    Create(CreateArgs),
    /// Print a configuration as it is understood: variables replaced, defaults filled in.
    #[command(after_help = "Example:\n  sluice -c ./config.yaml echo | less")]
    Echo(EchoArgs),
    /// Run the unit tests of configurations.
    ///
    /// Tests stand in the configuration under `tests`, or beside it in a file with the ending
    /// `_sluice_test.yaml`, `_bento_test.yaml` or `_benthos_test.yaml`.
    #[command(after_help = "Examples:\n  sluice test ./config.yaml\n  sluice test ./configs/...")]
    Test(TestArgs),
    /// Run a Bloblang mapping on lines of standard input, or work with mappings.
    #[command(
        after_help = "Examples:\n  cat events.jsonl | sluice blobl 'root.name = this.name.uppercase()'\n  sluice blobl --raw 'root = content().length()' < access.log\n  sluice blobl -f ./mapping.blobl < events.jsonl\n\nA mapping that is just the word `fmt`, `list`, `doc` or `server` is written `this.fmt`."
    )]
    Blobl(BloblArgs),
    /// Run many streams in one process, managed by files and over HTTP.
    #[command(
        after_help = "Examples:\n  sluice streams\n  sluice -c ./root.yaml streams ./streams\n  sluice streams ./streams/*.yaml"
    )]
    Streams(StreamsArgs),
    /// Work with templates.
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Serve API documents and the streams in them.
    #[command(
        after_help = "Examples:\n  sluice gateway --conf tyk.conf\n  sluice gateway --conf tyk.conf --port 8282 --api ./examples/streams-demo/api.yaml\n\nSignals: HUP reads all documents anew, INT and TERM end."
    )]
    Gateway(GatewayArgs),
    /// Run the streams demo: a broker, the gateway, and two users.
    Demo(crate::demo::DemoArgs),
    /// Serve editors: diagnostics, documentation, completion and formatting of mappings.
    ///
    /// A language server that speaks over standard input and output. Editors start it; how is
    /// told in the `editors` folder of the source.
    Lsp {
        /// Standard input and output, the only way there is; editors like to say it.
        #[arg(long, hide = true)]
        stdio: bool,
    },
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  sluice completions bash > /etc/bash_completion.d/sluice")]
    Completions {
        /// The shell to complete for.
        shell: clap_complete::Shell,
    },
    /// Print the version.
    Version,
}

#[derive(Args, Debug)]
pub struct GatewayArgs {
    /// Configuration of the gateway, JSON or YAML; `tyk.conf` in the usual places otherwise.
    #[arg(long, value_name = "FILE")]
    pub conf: Option<PathBuf>,
    /// Listen on this port instead of the configured one.
    #[arg(long)]
    pub port: Option<u16>,
    /// API document to serve besides those of `app_path`; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub api: Vec<PathBuf>,
    /// Threads that serve connections; one less than there are cores by default. Streams that keep one
    /// of them busy use all cores beside them.
    #[arg(long, env = "SLUICE_GW_WORKERS", value_parser = at_least_one)]
    pub workers: Option<usize>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().map_err(|error| format!("{error}"))?;
    if number == 0 { Err("there must be one at least".into()) } else { Ok(number) }
}

#[derive(Args, Debug)]
pub struct RunArgs {
    /// Configuration file.
    pub file: Option<String>,
    #[command(flatten)]
    pub globals: Globals,
}

#[derive(Args, Debug)]
pub struct LintArgs {
    /// Files, patterns, or directories followed by `/...`.
    pub paths: Vec<String>,
    /// Deprecated fields are errors.
    #[arg(long)]
    pub deprecated: bool,
    /// Components without a label are errors.
    #[arg(long)]
    pub labels: bool,
    /// Variables that are not set are fine.
    #[arg(long)]
    pub skip_env_var_check: bool,
    /// Values that a component cannot read are errors, too (`count: many`). Without this they are
    /// told only beside other errors, and on a terminal; `run` refuses them.
    #[arg(long)]
    pub types: bool,
    /// How to print what was found.
    #[arg(long, value_enum, default_value = "text")]
    pub format: LintFormat,
    #[command(flatten)]
    pub globals: Globals,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// A line for each finding; on a terminal with the line of the document.
    Text,
    /// One JSON list of objects with file, line, column, document path, level, message and hint.
    Json,
}

#[derive(Args, Debug)]
pub struct ListArgs {
    /// Kinds to list; all without any.
    pub kinds: Vec<String>,
    /// How to print them.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
    /// Only components of this status: stable, beta, experimental or deprecated.
    #[arg(long)]
    pub status: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Names, for people.
    Text,
    /// Names by kind, as one JSON object.
    Json,
    /// Everything that is known of each, as one JSON object.
    JsonFull,
    /// A JSON schema of configurations, for editors.
    Jsonschema,
}

#[derive(Args, Debug)]
pub struct CreateArgs {
    /// Inputs, processors and outputs, such as `kafka/mapping,log/file`.
    pub expression: Option<String>,
    /// Only input, buffer, pipeline and output, without advanced fields.
    #[arg(short, long)]
    pub small: bool,
}

#[derive(Args, Debug)]
pub struct EchoArgs {
    /// Configuration file.
    pub file: Option<String>,
    #[command(flatten)]
    pub globals: Globals,
}

#[derive(Args, Debug)]
pub struct TestArgs {
    /// Configuration files, test files, or directories followed by `/...`.
    pub paths: Vec<String>,
    /// Let components log this level and above to standard output.
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,
    #[command(flatten)]
    pub globals: Globals,
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BloblArgs {
    #[command(flatten)]
    pub lines: BloblLines,
    #[command(subcommand)]
    pub command: Option<BloblCommand>,
}

#[derive(Args, Debug)]
pub struct BloblLines {
    /// The mapping.
    pub mapping: Option<String>,
    /// File to read the mapping from.
    #[arg(short, long)]
    pub file: Option<String>,
    /// Lines are texts, not JSON documents.
    #[arg(short, long)]
    pub raw: bool,
    /// Print results on several lines.
    #[arg(short, long)]
    pub pretty: bool,
    /// Lines mapped at once; with more than one their order is not kept.
    #[arg(short, long, default_value_t = 1)]
    pub threads: usize,
    /// Lines must be shorter than this, in bytes.
    #[arg(long, default_value_t = 65_536)]
    pub max_token_length: usize,
}

#[derive(Debug, Subcommand)]
pub enum BloblCommand {
    /// Format mappings.
    ///
    /// Comments and line breaks stay where they are; spaces, indentation and blank lines become
    /// what they should be. The program stays the same.
    #[command(
        after_help = "Examples:\n  sluice blobl fmt mapping.blobl           print it formatted\n  sluice blobl fmt -w ./mappings/*.blobl   rewrite files, naming those that change\n  sluice blobl fmt --check ./mappings/*.blobl\n\nExit codes: 0 fine, 1 --check found differences, 2 a file cannot be read or is no mapping."
    )]
    Fmt(FmtArgs),
    /// Write and try mappings on a page in the browser.
    #[command(
        visible_alias = "playground",
        after_help = "Examples:\n  sluice blobl server\n  sluice blobl server -m mapping.blobl -i input.json --write"
    )]
    Server(BloblServer),
    /// List functions and methods.
    List(BloblListArgs),
    /// Explain a function, a method or a word of the language.
    #[command(after_help = "Examples:\n  sluice blobl doc map_each\n  sluice blobl doc match")]
    Doc {
        /// Its name.
        name: String,
        /// How to print it.
        #[arg(long, value_enum, default_value = "text")]
        format: WordFormat,
    },
}

#[derive(Args, Debug)]
pub struct BloblServer {
    /// Address to listen on.
    #[arg(long, default_value = "localhost")]
    pub host: String,
    /// Port to listen on; 0 for any that is free.
    #[arg(short, long, default_value_t = 4195)]
    pub port: u16,
    /// Do not open the page in a browser.
    #[arg(short, long)]
    pub no_open: bool,
    /// File to take the mapping from.
    #[arg(short, long, value_name = "FILE")]
    pub mapping_file: Option<String>,
    /// File to take the input from.
    #[arg(short, long, value_name = "FILE")]
    pub input_file: Option<String>,
    /// Write changes back to these files; they need not exist yet.
    #[arg(short, long)]
    pub write: bool,
}

#[derive(Args, Debug)]
pub struct FmtArgs {
    /// Files or patterns; standard input without any.
    pub paths: Vec<String>,
    /// Rewrite the files and print the names of those that changed.
    #[arg(short, long, conflicts_with = "check")]
    pub write: bool,
    /// Change nothing; print the names of files that are not formatted and exit with code 1.
    #[arg(long)]
    pub check: bool,
}

#[derive(Args, Debug)]
pub struct BloblListArgs {
    /// Only these.
    #[arg(value_enum)]
    pub kind: Option<WordKind>,
    /// How to print them.
    #[arg(long, value_enum, default_value = "text")]
    pub format: WordFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WordKind {
    Functions,
    Methods,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WordFormat {
    /// For people.
    Text,
    /// Everything that is known of each.
    Json,
}

#[derive(Args, Debug)]
pub struct StreamsArgs {
    /// Stream configurations: files, patterns, directories.
    pub paths: Vec<String>,
    /// No management over HTTP.
    #[arg(long)]
    pub no_api: bool,
    /// Whether the HTTP endpoints of a stream begin with its id.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub prefix_stream_endpoints: bool,
    #[command(flatten)]
    pub globals: Globals,
}

#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// Check templates and run their tests.
    Lint {
        /// Files, patterns, or directories followed by `/...`.
        paths: Vec<String>,
    },
}
