//! Fields about TLS and SASL. The two families of components name some of them differently.

use std::collections::BTreeMap;

use sluice_config::{Secret, config};
use sluice_value::Value;

use super::EMPTY;

config! {
    /// TLS on the connections to the brokers.
    pub struct Tls {
        /// Whether connections use TLS.
        enabled: bool = false => advanced,
        /// Accepts any server certificate. Only for trials: it takes away what TLS protects from.
        skip_cert_verify: bool = false => advanced,
        /// Accepted for compatibility. The TLS library always lets a server renegotiate securely
        /// and never otherwise, so there is nothing to switch.
        enable_renegotiation: bool = false => advanced,
        /// Certificate authorities to trust, as PEM text, instead of those of the system.
        root_cas: Secret = "" => advanced,
        /// File of certificate authorities to trust, in PEM form, instead of those of the system.
        root_cas_file: String = "" => advanced,
        /// The certificate this client shows. One at most: a Kafka connection has one identity.
        client_certs: Vec<ClientCert> = EMPTY => advanced,
    }
}

config! {
    /// A client certificate and its key: either both as text or both as files.
    pub struct ClientCert {
        /// Certificate as PEM text.
        cert: String = "" => advanced,
        /// Private key as PEM text.
        key: Secret = "" => advanced,
        /// File of the certificate in PEM form.
        cert_file: String = "" => advanced,
        /// File of the private key in PEM form.
        key_file: String = "" => advanced,
        /// Password of an encrypted private key.
        password: Secret = "" => advanced,
    }
}

config! {
    /// How the client says who it is.
    pub struct KafkaSasl {
        /// Mechanism of authentication. `AWS_MSK_IAM` is refused: signing for AWS is not built in.
        mechanism: String = "none" => options(
            "AWS_MSK_IAM", "OAUTHBEARER", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "none",
        ) advanced,
        /// User name for `PLAIN` and the `SCRAM` mechanisms.
        user: String = "" => advanced,
        /// Password for `PLAIN` and the `SCRAM` mechanisms.
        password: Secret = "" => advanced,
        /// A fixed token for `OAUTHBEARER`.
        access_token: String = "" => advanced,
        /// A cache resource to take `OAUTHBEARER` tokens from, instead of a fixed one.
        token_cache: String = "" => advanced,
        /// Key of the token in `token_cache`.
        token_key: String = "" => advanced,
        /// Fetches `OAUTHBEARER` tokens from a token server.
        oauth2: Option<KafkaOAuth2> => advanced,
        /// Settings of `AWS_MSK_IAM`, which this build refuses.
        aws: Option<Aws> => advanced,
    }
}

config! {
    /// OAuth 2 with the client credentials grant.
    pub struct KafkaOAuth2 {
        /// Whether tokens are fetched this way.
        enabled: bool = false => advanced,
        /// Name of this client at the token server.
        client_key: String = "" => advanced,
        /// Secret that proves the name.
        client_secret: Secret = "" => advanced,
        /// URL of the token server.
        token_url: String = "" => advanced,
        /// Permissions to ask for.
        scopes: Vec<String> = EMPTY => advanced,
        /// Further parameters of the token request; each value is a list of texts.
        endpoint_params: Option<BTreeMap<String, Value>> => advanced,
        /// Extensions sent to the broker with the token.
        extensions: Option<BTreeMap<String, Value>> => advanced,
    }
}

config! {
    /// How the client says who it is.
    pub struct FranzSasl {
        /// Mechanism of authentication. `AWS_MSK_IAM` is refused: signing for AWS is not built in.
        mechanism: String => options(
            "AWS_MSK_IAM", "OAUTHBEARER", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "none",
        ) lint_required advanced,
        /// User name for `PLAIN` and the `SCRAM` mechanisms.
        username: String = "" => advanced,
        /// Password for `PLAIN` and the `SCRAM` mechanisms.
        password: Secret = "" => advanced,
        /// A fixed token for `OAUTHBEARER`.
        token: String = "" => advanced,
        /// Fetches `OAUTHBEARER` tokens from a token server.
        oauth2: Option<FranzOAuth2> => advanced,
        /// Extensions sent to the broker with an `OAUTHBEARER` token.
        extensions: Option<BTreeMap<String, String>> => advanced,
        /// Settings of `AWS_MSK_IAM`, which this build refuses.
        aws: Option<Aws> => advanced,
    }
}

config! {
    /// OAuth 2 with the client credentials grant.
    pub struct FranzOAuth2 {
        /// Whether tokens are fetched this way.
        enabled: bool = false => advanced,
        /// Name of this client at the token server.
        client_key: String = "" => advanced,
        /// Secret that proves the name.
        client_secret: Secret = "" => advanced,
        /// URL of the token server.
        token_url: String = "" => advanced,
        /// Permissions to ask for.
        scopes: Vec<String> = EMPTY => advanced,
        /// Further parameters of the token request; each value is a list of texts.
        endpoint_params: Option<BTreeMap<String, Value>> => advanced,
    }
}

config! {
    /// Settings of `AWS_MSK_IAM`.
    pub struct Aws {
        /// Region of the cluster.
        region: String = "" => advanced,
        /// An endpoint other than the region's own.
        endpoint: String = "" => advanced,
        /// Where credentials come from.
        credentials: AwsCredentials => advanced,
    }
}

config! {
    /// Credentials for AWS.
    pub struct AwsCredentials {
        /// Profile of the credentials file.
        profile: String = "" => advanced,
        /// Access key id.
        id: String = "" => advanced,
        /// Secret access key.
        secret: Secret = "" => advanced,
        /// Session token of temporary credentials.
        token: String = "" => advanced,
        /// Whether to use the role of the machine.
        from_ec2_role: bool = false => advanced,
        /// Role to assume.
        role: String = "" => advanced,
        /// External id when assuming the role.
        role_external_id: String = "" => advanced,
        /// How long before their end credentials count as expired.
        expiry_window: String = "" => advanced,
    }
}
