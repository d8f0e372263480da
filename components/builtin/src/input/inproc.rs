//! `inproc`: from the `inproc` outputs of this program.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};

use crate::pipe::Pipe;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("inproc", build)
        .doc("Reads what the `inproc` outputs of the same name in this program write.")
        .categories(&["Utility"]);
}

struct Inproc {
    pipe: Arc<Pipe>,
}

fn build(name: String, scope: &Scope) -> Result<BuiltInput, BuildError> {
    // What fails goes back to the other stream, whose business it is to try again.
    Ok(BuiltInput::connector(Inproc { pipe: Pipe::named(&name, scope) }, false))
}

#[async_trait]
impl Input for Inproc {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        Ok(Box::new(Inproc { pipe: self.pipe.clone() }))
    }
}

#[async_trait]
impl Reader for Inproc {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        self.pipe.read().await.map(|delivery| vec![delivery]).ok_or(ReadError::End)
    }
}
