//! How requests prove who sends them.

mod digest;
mod jwt;
mod oauth1;
mod oauth2;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use sluice_engine::BuildError;

pub(crate) use self::digest::DigestAuth;
pub(crate) use self::oauth2::Oauth2;

use self::jwt::Jwt;
use self::oauth1::Oauth1;
use super::config::{BasicAuthConfig, JwtConfig, OauthConfig};
use super::request::Outgoing;
use super::target::basic;

/// The methods that need nothing but the request.
#[derive(Default)]
pub(crate) struct Signer {
    oauth: Option<Oauth1>,
    jwt: Option<Jwt>,
    basic: Option<HeaderValue>,
}

impl Signer {
    pub(crate) fn new(
        oauth: Option<&OauthConfig>,
        jwt: &JwtConfig,
        basic_auth: Option<&BasicAuthConfig>,
    ) -> Result<Self, BuildError> {
        let basic_auth = basic_auth.filter(|config| config.enabled);
        let basic = basic_auth.map(|config| basic(&config.username, config.password.expose()));
        Ok(Self {
            oauth: oauth.filter(|config| config.enabled).map(Oauth1::new),
            jwt: if jwt.enabled { Some(Jwt::new(jwt)?) } else { None },
            basic: basic.transpose().map_err(BuildError::new)?,
        })
    }

    pub(crate) fn sign(&self, outgoing: &mut Outgoing) -> Result<(), String> {
        if let Some(oauth) = &self.oauth {
            let value = oauth.authorization(outgoing)?;
            outgoing.headers.insert(AUTHORIZATION, value);
        }
        if let Some(jwt) = &self.jwt {
            outgoing.headers.insert(AUTHORIZATION, jwt.authorization()?);
        }
        if let Some(basic) = &self.basic {
            outgoing.headers.insert(AUTHORIZATION, basic.clone());
        }
        Ok(())
    }
}

/// Header text that logs must not show.
fn secret(text: String) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(text).map_err(|error| error.to_string())?;
    value.set_sensitive(true);
    Ok(value)
}
