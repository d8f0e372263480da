//! `fake`: invented names, addresses, dates and more.

use crate::{
    Error, Outcome,
    builtin::{
        Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction, Status,
    },
};

use super::invent::Kind;

pub(super) const FUNCTION: Function = Function::new(
    "fake",
    Category::FakeData,
    "Invents a value of the kind that is named: `latitude`, `longitude`, `unix_time`, `date`, \
     `time_string`, `month_name`, `year_string`, `day_of_week`, `day_of_month`, `timestamp`, \
     `century`, `timezone`, `time_period`, `email`, `mac_address`, `domain_name`, `url`, \
     `username`, `ipv4`, `ipv6`, `password`, `jwt`, `word`, `sentence`, `paragraph`, `cc_type`, \
     `cc_number`, `currency`, `amount_with_currency`, `title_male`, `title_female`, `first_name`, \
     `first_name_male`, `first_name_female`, `last_name`, `name`, `gender`, \
     `chinese_first_name`, `chinese_last_name`, `chinese_name`, `phone_number`, \
     `toll_free_phone_number`, `e164_phone_number`, `uuid_hyphenated` or `uuid_digit`. Without a \
     name it is a text of random letters.",
    FunctionCode::Prepare(fake),
)
.status(Status::Beta)
.params(&[Param::string("function", "What to invent.").or(Default::String(""))])
.examples(&[
    Example::new("root.mail = fake(\"email\")", &[]),
    Example::new(
        "root.has_at = fake(\"email\").contains(\"@\")\nroot.digits = fake(\"uuid_digit\").length()",
        &[("{}", r#"{"digits":32,"has_at":true}"#)],
    ),
]);

fn fake(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let name = args.text(0).into_owned();
    let kind = Kind::named(&name);
    Ok(PreparedFunction::new(move |_| match kind {
        Some(kind) => Ok(Outcome::Owned(kind.invent(&mut fastrand::Rng::new()))),
        None => Err(Error::new(format!("invalid faker function: {name}"))),
    }))
}
