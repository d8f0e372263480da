//! What records look like: all fields are always there, under the names that the reference gives
//! them.

use sluice_value::{Object, Value};

use super::Subject;

#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Text,
    Whole,
    Float,
    Bool,
    /// Names by language.
    Names,
    Object(&'static [Field]),
    List(&'static [Field]),
}

/// A field, its name in the database, and what it holds.
type Field = (&'static str, &'static str, Shape);

use Shape::{Bool, Float, List, Names, Object as Fields, Text, Whole};

impl Shape {
    /// What is stored in this shape; whatever is missing is empty.
    pub(super) fn of(self, stored: &Value) -> Value {
        match (self, stored) {
            (Text, Value::String(_))
            | (Whole, Value::Int(_) | Value::UInt(_))
            | (Float, Value::Float(_) | Value::Int(_))
            | (Bool, Value::Bool(_))
            | (Names, Value::Object(_)) => stored.clone(),
            (Text, _) => Value::string(""),
            (Whole | Float, _) => Value::Int(0),
            (Bool, _) => Value::Bool(false),
            (Names, _) => Value::Null,
            (Fields(fields), stored) => {
                let field = |(name, key, shape): &Field| {
                    let inner = stored.get(key).unwrap_or(&Value::Null);
                    ((*name).into(), shape.of(inner))
                };
                Value::Object(fields.iter().map(field).collect::<Object>())
            }
            (List(fields), Value::Array(items)) => {
                Value::Array(items.iter().map(|item| Fields(fields).of(item)).collect())
            }
            (List(_), _) => Value::Null,
        }
    }
}

/// What the reference's library calls the question.
pub(super) fn name(subject: Subject) -> &'static str {
    match subject {
        Subject::AnonymousIp => "AnonymousIP",
        Subject::Asn => "ASN",
        Subject::City => "City",
        Subject::ConnectionType => "ConnectionType",
        Subject::Country => "Country",
        Subject::Domain => "Domain",
        Subject::Enterprise => "Enterprise",
        Subject::Isp => "ISP",
    }
}

pub(super) fn shape(subject: Subject) -> Shape {
    Fields(match subject {
        Subject::AnonymousIp => ANONYMOUS_IP,
        Subject::Asn => ASN,
        Subject::City => CITY,
        Subject::ConnectionType => &[("ConnectionType", "connection_type", Text)],
        Subject::Country => COUNTRY,
        Subject::Domain => &[("Domain", "domain", Text)],
        Subject::Enterprise => ENTERPRISE,
        Subject::Isp => ISP,
    })
}

const ANONYMOUS_IP: &[Field] = &[
    ("IsAnonymous", "is_anonymous", Bool),
    ("IsAnonymousVPN", "is_anonymous_vpn", Bool),
    ("IsHostingProvider", "is_hosting_provider", Bool),
    ("IsPublicProxy", "is_public_proxy", Bool),
    ("IsResidentialProxy", "is_residential_proxy", Bool),
    ("IsTorExitNode", "is_tor_exit_node", Bool),
];

const ASN: &[Field] = &[SYSTEM_NUMBER, SYSTEM_ORGANIZATION];

const CITY: &[Field] = &[
    ("City", "city", Fields(&[NAMES, GEO_NAME])),
    ("Continent", "continent", CONTINENT),
    ("Country", "country", PLAIN_COUNTRY),
    ("Location", "location", LOCATION),
    ("Postal", "postal", Fields(&[("Code", "code", Text)])),
    ("RegisteredCountry", "registered_country", PLAIN_COUNTRY),
    ("RepresentedCountry", "represented_country", REPRESENTED_COUNTRY),
    ("Subdivisions", "subdivisions", List(&[NAMES, ISO_CODE, GEO_NAME])),
    ("Traits", "traits", TRAITS),
];

const COUNTRY: &[Field] = &[
    ("Continent", "continent", CONTINENT),
    ("Country", "country", PLAIN_COUNTRY),
    ("RegisteredCountry", "registered_country", PLAIN_COUNTRY),
    ("RepresentedCountry", "represented_country", REPRESENTED_COUNTRY),
    ("Traits", "traits", TRAITS),
];

const ENTERPRISE: &[Field] = &[
    ("City", "city", Fields(&[NAMES, GEO_NAME, CONFIDENCE])),
    ("Continent", "continent", CONTINENT),
    ("Country", "country", RATED_COUNTRY),
    ("Location", "location", LOCATION),
    ("Postal", "postal", Fields(&[("Code", "code", Text), CONFIDENCE])),
    ("RegisteredCountry", "registered_country", RATED_COUNTRY),
    ("RepresentedCountry", "represented_country", REPRESENTED_COUNTRY),
    ("Subdivisions", "subdivisions", List(&[NAMES, ISO_CODE, GEO_NAME, CONFIDENCE])),
    (
        "Traits",
        "traits",
        Fields(&[
            SYSTEM_NUMBER,
            SYSTEM_ORGANIZATION,
            ("ConnectionType", "connection_type", Text),
            ("Domain", "domain", Text),
            ("ISP", "isp", Text),
            ("IsAnonymousProxy", "is_anonymous_proxy", Bool),
            ("IsAnycast", "is_anycast", Bool),
            ("IsLegitimateProxy", "is_legitimate_proxy", Bool),
            ("IsSatelliteProvider", "is_satellite_provider", Bool),
            ("MobileCountryCode", "mobile_country_code", Text),
            ("MobileNetworkCode", "mobile_network_code", Text),
            ("Organization", "organization", Text),
            ("StaticIPScore", "static_ip_score", Float),
            ("UserType", "user_type", Text),
        ]),
    ),
];

const ISP: &[Field] = &[
    SYSTEM_NUMBER,
    SYSTEM_ORGANIZATION,
    ("ISP", "isp", Text),
    ("MobileCountryCode", "mobile_country_code", Text),
    ("MobileNetworkCode", "mobile_network_code", Text),
    ("Organization", "organization", Text),
];

const CONTINENT: Shape = Fields(&[NAMES, ("Code", "code", Text), GEO_NAME]);
const PLAIN_COUNTRY: Shape = Fields(&[NAMES, ISO_CODE, GEO_NAME, IN_UNION]);
const RATED_COUNTRY: Shape = Fields(&[NAMES, ISO_CODE, GEO_NAME, CONFIDENCE, IN_UNION]);
const REPRESENTED_COUNTRY: Shape =
    Fields(&[NAMES, ISO_CODE, ("Type", "type", Text), GEO_NAME, IN_UNION]);
const LOCATION: Shape = Fields(&[
    ("AccuracyRadius", "accuracy_radius", Whole),
    ("Latitude", "latitude", Float),
    ("Longitude", "longitude", Float),
    ("MetroCode", "metro_code", Whole),
    ("TimeZone", "time_zone", Text),
]);
const TRAITS: Shape = Fields(&[
    ("IsAnonymousProxy", "is_anonymous_proxy", Bool),
    ("IsAnycast", "is_anycast", Bool),
    ("IsSatelliteProvider", "is_satellite_provider", Bool),
]);

const NAMES: Field = ("Names", "names", Names);
const ISO_CODE: Field = ("IsoCode", "iso_code", Text);
const GEO_NAME: Field = ("GeoNameID", "geoname_id", Whole);
const CONFIDENCE: Field = ("Confidence", "confidence", Whole);
const IN_UNION: Field = ("IsInEuropeanUnion", "is_in_european_union", Bool);
const SYSTEM_NUMBER: Field = ("AutonomousSystemNumber", "autonomous_system_number", Whole);
const SYSTEM_ORGANIZATION: Field =
    ("AutonomousSystemOrganization", "autonomous_system_organization", Text);
