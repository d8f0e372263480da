//! Who has what, among several nodes.

use async_trait::async_trait;

/// Keeps things apart that only one node at a time should do.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes `name` for this node, for as long as the lease lives. Waits for a node that has it and
    /// gives no sign of life any more. `lost` is called when somebody else took it meanwhile.
    ///
    /// A node that cannot ask is let through: what leases protect from is work done twice, never a
    /// loss.
    ///
    /// # Errors
    /// The name of another node that is alive and has it.
    async fn take(&self, name: &str, lost: Lost) -> Result<Lease, String>;
}

/// Hears that a lease is gone.
pub type Lost = Box<dyn Fn() + Send + Sync>;

/// Something that this node has; dropping it gives it back.
#[must_use = "dropping a lease gives it back"]
pub struct Lease(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Lease {
    pub fn new(give_back: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(give_back)))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(give_back) = self.0.take() {
            give_back();
        }
    }
}
