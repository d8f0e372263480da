//! Methods that locate network addresses in MaxMind databases.
//!
//! The methods differ in their records only and stand together.

#[cfg(feature = "geoip")]
mod database;
#[cfg(feature = "geoip")]
mod record;
#[cfg(all(test, feature = "geoip"))]
mod tests;

use super::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod, Status};
use crate::{Error, Host};

/// What is asked of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    AnonymousIp,
    Asn,
    City,
    ConnectionType,
    Country,
    Domain,
    Enterprise,
    Isp,
}

macro_rules! method {
    ($name:literal, $subject:ident, $what:literal, $example:literal) => {
        Method::new(
            $name,
            &[Category::GeoIp],
            concat!(
                "Looks an IP address up in a [MaxMind database](https://www.maxmind.com/en/home) ",
                "and yields an object with ",
                $what,
                ". Of an address that is not there all fields are empty. The database is read \
                 when the mapping is, unless the path is computed."
            ),
            MethodCode::PrepareWithHost(|args, host| look_up(args, host, Subject::$subject)),
        )
        .status(Status::Experimental)
        .plain_errors()
        .params(&[Param::string("path", "The path of the database, an `.mmdb` file.")])
        .examples(&[Example::new(
            concat!("let database = \"/data/geo.mmdb\"\nroot = ", $example),
            &[],
        )])
    };
}

pub(super) const METHODS: &[Method] = &[
    method!(
        "geoip_anonymous_ip",
        AnonymousIp,
        "what hides its owner: VPN, proxy, Tor",
        "this.ip.geoip_anonymous_ip($database).IsTorExitNode"
    ),
    method!(
        "geoip_asn",
        Asn,
        "the number and name of its autonomous system",
        "this.ip.geoip_asn($database).AutonomousSystemOrganization"
    ),
    method!("geoip_city", City, "its city", "this.ip.geoip_city($database).City.Names.en"),
    method!(
        "geoip_connection_type",
        ConnectionType,
        "the kind of its connection",
        "this.ip.geoip_connection_type($database).ConnectionType"
    ),
    method!(
        "geoip_country",
        Country,
        "its country",
        "this.ip.geoip_country($database).Country.IsoCode"
    ),
    method!("geoip_domain", Domain, "its domain", "this.ip.geoip_domain($database).Domain"),
    method!(
        "geoip_enterprise",
        Enterprise,
        "all that an enterprise database knows of it",
        "this.ip.geoip_enterprise($database).Traits.ISP"
    ),
    method!("geoip_isp", Isp, "its internet provider", "this.ip.geoip_isp($database).ISP"),
];

#[cfg(feature = "geoip")]
fn look_up(
    args: &Args<'_, '_>,
    host: &dyn Host,
    subject: Subject,
) -> Result<PreparedMethod, Error> {
    let content = host.read_file(&args.text(0)).map_err(Error::from)?;
    let database = database::Database::new(content).map_err(Error::new)?;
    Ok(PreparedMethod::new(move |target| {
        database.look_up(&super::text_of(target)?, subject).map_err(Error::new)
    }))
}

#[cfg(not(feature = "geoip"))]
fn look_up(_: &Args<'_, '_>, _: &dyn Host, _: Subject) -> Result<PreparedMethod, Error> {
    Err(Error::new("this build cannot read MaxMind databases"))
}
