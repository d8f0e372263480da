//! The program as its users meet it: its command line, and Apache Kafka's own clients talking to it.

mod clients;
mod command_line;
mod process;
