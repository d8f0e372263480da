//! Calls in the compiled program: a built-in, its arguments, and what was prepared of them.

use std::{borrow::Cow, fmt, sync::Arc};

use sluice_value::Value;

use super::{
    Args, Function, FunctionClosure, FunctionCode, Method, MethodClosure, MethodCode,
    args::{ArgExpr, ArgList},
};
use crate::{Context, Error, Expr, Host, Outcome};

/// A function as an environment knows it.
pub(crate) struct FunctionEntry {
    pub(crate) spec: Function,
    pub(crate) closure: Option<Arc<FunctionClosure>>,
}

/// A method as an environment knows it.
pub(crate) struct MethodEntry {
    pub(crate) spec: Method,
    pub(crate) closure: Option<Arc<MethodClosure>>,
}

type ValueRun = dyn Fn(&Value) -> Result<Value, Error> + Send + Sync;
type FunctionRun = dyn for<'a> Fn(&Context<'a>) -> Result<Outcome<'a>, Error> + Send + Sync;
type MethodRun =
    dyn for<'a> Fn(Cow<'a, Value>, &Context<'a>) -> Result<Outcome<'a>, Error> + Send + Sync;

/// A function with its arguments prepared.
pub struct PreparedFunction {
    run: Box<FunctionRun>,
    annotation: Option<String>,
}

/// A method with its arguments prepared.
pub struct PreparedMethod {
    run: Prepared,
    annotation: Option<String>,
}

enum Prepared {
    /// Needs nothing but the target, so that it can run when the mapping is compiled.
    Value(Box<ValueRun>),
    Anywhere(Box<MethodRun>),
}

impl Prepared {
    fn run<'a>(&self, target: Cow<'a, Value>, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
        match self {
            Self::Value(run) => run(&target).map(Outcome::Owned),
            Self::Anywhere(run) => run(target, context),
        }
    }
}

impl PreparedFunction {
    /// From the place of the call.
    pub fn new<F>(run: F) -> Self
    where
        F: for<'a> Fn(&Context<'a>) -> Result<Outcome<'a>, Error> + Send + Sync + 'static,
    {
        Self { run: Box::new(run), annotation: None }
    }

    /// A value that is the same each time.
    pub fn constant(value: impl Into<Value>) -> Self {
        let value = value.into();
        Self::new(move |_| Ok(Outcome::Owned(value.clone())))
    }

    /// How error messages refer to the call, instead of `function NAME`.
    pub fn annotated(self, annotation: impl Into<String>) -> Self {
        Self { annotation: Some(annotation.into()), ..self }
    }
}

impl PreparedMethod {
    /// From the target alone.
    pub fn new<F>(run: F) -> Self
    where
        F: Fn(&Value) -> Result<Value, Error> + Send + Sync + 'static,
    {
        Self { run: Prepared::Value(Box::new(run)), annotation: None }
    }

    /// From the target, owned if it was computed, and the place of the call.
    pub fn with_context<F>(run: F) -> Self
    where
        F: for<'a> Fn(Cow<'a, Value>, &Context<'a>) -> Result<Outcome<'a>, Error>
            + Send
            + Sync
            + 'static,
    {
        Self { run: Prepared::Anywhere(Box::new(run)), annotation: None }
    }

    /// How error messages refer to the call, instead of `method NAME`.
    pub fn annotated(self, annotation: impl Into<String>) -> Self {
        Self { annotation: Some(annotation.into()), ..self }
    }
}

/// A call of a function.
#[derive(Clone)]
pub struct Call {
    entry: Arc<FunctionEntry>,
    args: ArgList,
    prepared: Option<Arc<PreparedFunction>>,
}

/// A call of a method on a target.
#[derive(Clone)]
pub struct MethodCall {
    entry: Arc<MethodEntry>,
    target: Expr,
    args: ArgList,
    prepared: Option<Arc<PreparedMethod>>,
}

impl Call {
    pub(crate) fn new(entry: Arc<FunctionEntry>, args: ArgList) -> Result<Self, Error> {
        let prepared = match entry.spec.code {
            FunctionCode::Prepare(prepare) if args.is_literal() => {
                Some(Arc::new(prepare(&Args::new(&args.literal(), &args))?))
            }
            _ => None,
        };
        Ok(Self { entry, args, prepared })
    }

    pub fn function(&self) -> &Function {
        &self.entry.spec
    }

    pub(crate) fn annotation(&self) -> String {
        match self.prepared.as_ref().and_then(|prepared| prepared.annotation.clone()) {
            Some(annotation) => annotation,
            None => format!("function {}", self.entry.spec.name),
        }
    }

    pub(crate) fn eval<'a>(&'a self, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
        if let Some(prepared) = &self.prepared {
            return (prepared.run)(context);
        }
        let buffer = self
            .args
            .eval(context)
            .map_err(|error| error.context(format!("function '{}'", self.entry.spec.name)))?;
        let args = Args::new(&buffer, &self.args);
        match self.entry.spec.code {
            FunctionCode::Literal(make, _) => Ok(make()),
            FunctionCode::Eval(eval) => eval(&args, context),
            FunctionCode::Prepare(prepare) => (prepare(&args)?.run)(context),
            FunctionCode::External => match &self.entry.closure {
                Some(closure) => closure(&args, context),
                None => Err(Error::new("this function is not available here")),
            },
        }
    }

    pub(crate) fn args(&self) -> &ArgList {
        &self.args
    }
}

impl MethodCall {
    pub(crate) fn new(
        entry: Arc<MethodEntry>,
        target: Expr,
        args: ArgList,
        host: &dyn Host,
    ) -> Result<Self, Error> {
        let prepared = match entry.spec.code {
            MethodCode::Prepare(prepare) if args.is_literal() => {
                Some(Arc::new(prepare(&Args::new(&args.literal(), &args))?))
            }
            MethodCode::PrepareWithHost(prepare) if args.is_literal() => {
                Some(Arc::new(prepare(&Args::new(&args.literal(), &args), host)?))
            }
            _ => None,
        };
        Ok(Self { entry, target, args, prepared })
    }

    /// The constant that the call amounts to, for methods that are folded.
    ///
    /// # Errors
    /// The method's own.
    pub(crate) fn fold(&self) -> Result<Option<Value>, Error> {
        let Some(literal) = self.target.as_literal().filter(|_| self.entry.spec.folds) else {
            return Ok(None);
        };
        let target = literal.outcome.value_or_null();
        match (&self.prepared, self.entry.spec.code) {
            (Some(prepared), _) => match &prepared.run {
                Prepared::Value(run) => run(target).map(Some),
                Prepared::Anywhere(_) => Ok(None),
            },
            (None, MethodCode::Value(eval)) => eval(target).map(Some),
            _ => Ok(None),
        }
    }

    pub fn method(&self) -> &Method {
        &self.entry.spec
    }

    pub fn target(&self) -> &Expr {
        &self.target
    }

    pub(crate) fn annotation(&self) -> String {
        match self.prepared.as_ref().and_then(|prepared| prepared.annotation.clone()) {
            Some(annotation) => annotation,
            None => self.own_annotation(),
        }
    }

    pub(crate) fn eval<'a>(&'a self, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
        let outcome = self.run(context)?;
        if let Outcome::Owned(value) = &outcome {
            context.budget().spend_on(value)?;
        }
        Ok(outcome)
    }

    /// The target's value. What is computed must not grow without bounds before the method, which
    /// may read all of it, sees it.
    fn target_of<'a>(&'a self, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
        let target = self.target.eval(context)?;
        if let Outcome::Owned(value) = &target {
            context.budget().check(value)?;
        }
        Ok(target)
    }

    fn run<'a>(&'a self, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
        if let Some(prepared) = &self.prepared {
            let target = self.target_of(context)?;
            return self.finish(target, |target| prepared.run.run(target, context));
        }
        if let MethodCode::Value(eval) = self.entry.spec.code {
            let target = self.target_of(context)?;
            return self.finish(target, |target| eval(&target).map(Outcome::Owned));
        }
        let buffer = self
            .args
            .eval(context)
            .map_err(|error| error.context(format!("method '{}'", self.entry.spec.name)))?;
        let args = Args::new(&buffer, &self.args);
        if let MethodCode::Lazy(eval) = self.entry.spec.code {
            return eval(&self.target, &args, context);
        }
        let prepared = match self.entry.spec.code {
            MethodCode::Prepare(prepare) => Some(prepare(&args)?),
            MethodCode::PrepareWithHost(prepare) => Some(prepare(&args, context.host())?),
            _ => None,
        };
        let target = self.target_of(context)?;
        self.finish(target, |target| match (self.entry.spec.code, &prepared, &self.entry.closure) {
            (_, Some(prepared), _) => prepared.run.run(target, context),
            (MethodCode::Eval(eval), ..) => eval(target, &args, context),
            (_, _, Some(closure)) => closure(target, &args, context),
            _ => Err(Error::new("this method is not available here")),
        })
    }

    /// A few methods are called by what they do to their target.
    fn own_annotation(&self) -> String {
        let first = match self.args.args.first() {
            Some(ArgExpr::Literal(outcome)) => Some(outcome.value_or_null().to_text()),
            _ => None,
        };
        match (self.entry.spec.name, first) {
            ("from", Some(index)) => format!("{} from {index}", self.target.annotation()),
            ("apply", Some(map)) => format!("map {map}"),
            (name, _) => format!("method {name}"),
        }
    }

    /// Runs the method's code and names the target in its errors.
    fn finish<'a>(
        &'a self,
        target: Outcome<'a>,
        run: impl FnOnce(Cow<'a, Value>) -> Result<Outcome<'a>, Error>,
    ) -> Result<Outcome<'a>, Error> {
        let control = match target {
            Outcome::Deleted | Outcome::Nothing => Some(target.kind_name()),
            _ => None,
        };
        run(target.into_cow()).map_err(|error| {
            let error = match control {
                Some(name) => error.found_instead(name),
                None => error,
            };
            if !self.entry.spec.names_target {
                return error;
            }
            error.from_expression(|| self.target.annotation())
        })
    }

    pub(crate) fn args(&self) -> &ArgList {
        &self.args
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.entry.spec.name == other.entry.spec.name && self.args.same(&other.args)
    }
}

impl PartialEq for MethodCall {
    fn eq(&self, other: &Self) -> bool {
        self.entry.spec.name == other.entry.spec.name
            && self.target == other.target
            && self.args.same(&other.args)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("name", &self.entry.spec.name)
            .field("args", &self.args)
            .finish()
    }
}

impl fmt::Debug for MethodCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodCall")
            .field("name", &self.entry.spec.name)
            .field("target", &self.target)
            .field("args", &self.args)
            .finish()
    }
}
