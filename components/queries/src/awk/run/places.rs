//! Variables, arrays, fields and what they are worth.

use regex::Regex;
use sluice_value::EcoString;

use super::super::tree::{Expr, Place, Variable, special};
use super::super::value::Val;
use super::{Array, MAX_FIELD, MAX_REGEXES, Run, Slot};

impl Run<'_, '_> {
    pub(in super::super) fn slot(&self, variable: Variable) -> &Slot {
        match variable {
            Variable::Global(place) => &self.globals[place],
            Variable::Local(place) => &self.locals[self.frame + place],
        }
    }

    pub(in super::super) fn slot_mut(&mut self, variable: Variable) -> &mut Slot {
        match variable {
            Variable::Global(place) => &mut self.globals[place],
            Variable::Local(place) => &mut self.locals[self.frame + place],
        }
    }

    pub(in super::super) fn holds_array(&self, variable: Variable) -> bool {
        matches!(self.slot(variable), Slot::Array(_))
    }

    /// The array of a variable, made when there is none.
    pub(in super::super) fn array(&mut self, variable: Variable) -> Result<usize, String> {
        match self.slot(variable) {
            Slot::Array(array) => Ok(*array),
            Slot::Value(Val::Unset) => {
                self.spend(size_of::<Array>())?;
                self.arrays.push(Array::new());
                let array = self.arrays.len() - 1;
                *self.slot_mut(variable) = Slot::Array(array);
                Ok(array)
            }
            Slot::Value(_) => Err("can't use scalar as array".into()),
        }
    }

    pub(in super::super) fn value_of(&self, global: usize) -> Val {
        match &self.globals[global] {
            Slot::Value(value) => value.clone(),
            Slot::Array(_) => Val::Unset,
        }
    }

    pub(in super::super) fn text_of(&self, global: usize) -> EcoString {
        self.value_of(global).to_text("%.6g")
    }

    pub(in super::super) fn set_global(&mut self, global: usize, value: Val) {
        self.globals[global] = Slot::Value(value);
    }

    /// A value as text, as it is when texts are joined.
    pub(in super::super) fn text(&self, value: &Val) -> EcoString {
        match value {
            Val::Number(_) => value.to_text(&self.text_of(special::CONVFMT)),
            other => other.to_text(""),
        }
    }

    pub(in super::super) fn whole_record(&mut self) -> EcoString {
        let separator = self.text_of(special::OFS);
        self.record.text(&separator)
    }

    pub(in super::super) fn split_record(&mut self) -> Result<(), String> {
        if self.record.is_split() {
            return Ok(());
        }
        let separator = self.text_of(special::FS);
        let text = self.whole_record();
        self.spend(text.len())?;
        let fields = self.split(&text, &separator)?;
        self.record.set_fields(fields);
        Ok(())
    }

    /// The fields of a text.
    pub(in super::super) fn split(
        &mut self,
        text: &EcoString,
        separator: &str,
    ) -> Result<Vec<EcoString>, String> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let fields: Vec<EcoString> = match separator {
            " " => {
                text.split([' ', '\t', '\n']).filter(|it| !it.is_empty()).map(Into::into).collect()
            }
            "" => text.chars().map(EcoString::from).collect(),
            one if one.chars().count() == 1 => text.split(one).map(Into::into).collect(),
            regex => self.regex(regex)?.split(text).map(Into::into).collect(),
        };
        self.spend(fields.len() * size_of::<EcoString>())?;
        Ok(fields)
    }

    pub(in super::super) fn get(&mut self, place: &Place) -> Result<Val, String> {
        match place {
            Place::Variable(Variable::Global(special::NF)) => {
                self.split_record()?;
                Ok(Val::Number(self.record.count() as f64))
            }
            Place::Variable(variable) => match self.slot(*variable) {
                Slot::Value(value) => Ok(value.clone()),
                Slot::Array(_) => Err("can't use array as scalar".into()),
            },
            Place::Element(array, index) => {
                let key = self.key(index)?;
                let array = self.array(*array)?;
                if let Some(value) = self.arrays[array].get(&key) {
                    return Ok(value.clone());
                }
                self.spend(key.len() + size_of::<Val>())?;
                self.arrays[array].insert(key, Val::Unset);
                Ok(Val::Unset)
            }
            Place::Field(number) => {
                let number = self.field_number(number)?;
                if number == 0 {
                    return Ok(Val::Input(self.whole_record()));
                }
                self.split_record()?;
                Ok(self.record.field(number).map_or(Val::Unset, Val::Input))
            }
        }
    }

    pub(in super::super) fn field_number(&mut self, number: &Expr) -> Result<usize, String> {
        let number = self.eval(number)?.number();
        if number < 0.0 {
            return Err(format!("field index negative: {number}"));
        }
        if number > MAX_FIELD as f64 {
            return Err(format!("field index too large: {number}"));
        }
        Ok(number as usize)
    }

    pub(in super::super) fn set(&mut self, place: &Place, value: Val) -> Result<(), String> {
        match place {
            Place::Variable(variable) => self.set_variable(*variable, value),
            Place::Element(array, index) => {
                let key = self.key(index)?;
                let array = self.array(*array)?;
                self.spend(key.len() + size_of::<Val>())?;
                self.arrays[array].insert(key, value);
                Ok(())
            }
            Place::Field(number) => {
                let number = self.field_number(number)?;
                let text = self.text(&value);
                self.spend(text.len())?;
                if number == 0 {
                    self.record.set(text);
                    return Ok(());
                }
                self.split_record()?;
                self.spend(number.saturating_sub(self.record.count()) * size_of::<EcoString>())?;
                self.record.set_field(number, text);
                Ok(())
            }
        }
    }

    pub(in super::super) fn set_variable(
        &mut self,
        variable: Variable,
        value: Val,
    ) -> Result<(), String> {
        if variable == Variable::Global(special::NF) {
            let count = value.number();
            if !(0.0..=MAX_FIELD as f64).contains(&count) {
                return Err(format!("NF set to an unusable value: {count}"));
            }
            self.split_record()?;
            self.spend(count as usize * size_of::<EcoString>())?;
            self.record.set_count(count as usize);
            return Ok(());
        }
        match self.slot_mut(variable) {
            Slot::Array(_) => Err("can't use array as scalar".into()),
            Slot::Value(slot) => {
                *slot = value;
                Ok(())
            }
        }
    }

    /// The key that an index stands for.
    pub(in super::super) fn key(&mut self, index: &[Expr]) -> Result<EcoString, String> {
        let values = self.eval_all(index)?;
        let texts: Vec<EcoString> = values.iter().map(|value| self.text(value)).collect();
        match &texts[..] {
            [text] => Ok(text.clone()),
            texts => {
                let key = texts.join(&self.text_of(special::SUBSEP));
                self.spend(key.len())?;
                Ok(key.into())
            }
        }
    }

    /// The regular expression that an expression stands for.
    pub(in super::super) fn regex_of(&mut self, expr: &Expr) -> Result<Regex, String> {
        if let Expr::Regex(regex) = expr {
            return Ok(regex.clone());
        }
        let source = self.eval(expr)?;
        let source = self.text(&source);
        self.regex(&source)
    }

    pub(in super::super) fn regex(&mut self, source: &str) -> Result<Regex, String> {
        if let Some(regex) = self.regexes.get(source) {
            return Ok(regex.clone());
        }
        self.steps += 10_000; // compiling is work
        let compiled =
            Regex::new(source).map_err(|error| super::super::parse::regex_error(&error))?;
        if self.regexes.len() >= MAX_REGEXES {
            self.regexes.clear();
        }
        self.regexes.insert(source.into(), compiled.clone());
        Ok(compiled)
    }

    /// `printf` and `sprintf`.
    pub(in super::super) fn formatted(&mut self, values: &[Val]) -> Result<String, String> {
        let Some((format, values)) = values.split_first() else { return Ok(String::new()) };
        let text = super::super::format::format(
            &self.text(format),
            values,
            &self.text_of(special::CONVFMT),
        );
        self.spend(text.len())?;
        Ok(text)
    }
}
