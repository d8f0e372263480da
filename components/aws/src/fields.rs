//! The settings that all components of AWS have.

use std::time::Duration;

use sluice_config::{Secret, config};

config! {
    /// Who signs requests.
    pub struct CredentialsConfig {
        /// A profile of the shared configuration files.
        profile: String = "" => advanced,
        /// Identifier of the access key.
        id: String = "" => advanced,
        /// The access key.
        secret: Secret = "" => advanced,
        /// Token of a session, for temporary keys.
        token: String = "" => advanced,
        /// Uses the role of the machine.
        from_ec2_role: bool = false => advanced,
        /// Role to take on.
        role: String = "" => advanced,
        /// Identifier that the role's owner asks for.
        role_external_id: String = "" => advanced,
        /// How long before they expire credentials are renewed.
        expiry_window: Duration = "" => advanced,
    }
}
