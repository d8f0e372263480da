//! Statements: assignments, `let`, `meta`, `if` blocks, `map` and `import`.

use std::sync::Arc;

use ecow::EcoString;

use super::{Fail, MAX_IMPORTS, MAX_PROBLEMS, Parsed, Parser, Slots, one_of};
use crate::{
    Diagnostic, Expr, Span, Statement, StatementKind, Target,
    diagnostic::position,
    environment::{directory_of, join},
    program::MapBody,
};

/// What the block around a statement allows.
#[derive(Clone, Copy)]
struct Block {
    /// Where the text begins whose lines errors count.
    origin: usize,
    imports_and_maps: bool,
    metadata: bool,
}

impl Parser<'_> {
    /// A whole mapping: statements, one import, or one query that becomes the document.
    pub(super) fn program(&mut self) -> Result<Vec<Statement>, Fail> {
        if let Some(statements) = self.single_import()? {
            return Ok(statements);
        }
        let statements = match self.executor() {
            Err(fail) if fail.fatal => return Err(fail),
            other => other,
        };
        let saved = (self.maps.clone(), self.slots.clone(), self.placeholders.clone());
        match (statements, self.single_query()) {
            (Ok(statements), _) => {
                (self.maps, self.slots, self.placeholders) = saved;
                Ok(statements)
            }
            (Err(_), Ok(statements)) => Ok(statements),
            (Err(left), Err(right)) if right.at > left.at => Err(right),
            (Err(left), Err(right)) if right.at == left.at && !right.fatal => {
                (self.maps, self.slots, self.placeholders) = saved;
                Err(Fail { fatal: left.fatal, ..left })
            }
            (Err(left), Err(_)) => Err(left),
        }
    }

    /// Statements up to the end of the text.
    fn executor(&mut self) -> Result<Vec<Statement>, Fail> {
        let block = Block { origin: 0, imports_and_maps: true, metadata: true };
        let mut statements = Vec::new();
        let (first, mut at) = self.statement(self.blank(0), block)?;
        statements.extend(first);
        loop {
            at = self.spaces(at);
            if at == self.text.len() {
                return Ok(statements);
            }
            at = self.blank(self.line_break(at)?);
            if at == self.text.len() {
                return Ok(statements);
            }
            let (statement, end) = self.statement(at, block)?;
            statements.extend(statement);
            at = end;
        }
    }

    /// `query`, short for `root = query`.
    fn single_query(&mut self) -> Result<Vec<Statement>, Fail> {
        let start = self.blank(0);
        let (value, end) = self.query(start)?;
        let rest = self.blank(end);
        if rest < self.text.len() {
            let written: String = self.text[start..end].chars().take(12).collect();
            let more = if self.text[start..end].chars().nth(12).is_some() { "..." } else { "" };
            return Err(Fail::expected(rest, "the mapping to end here").hint(format!(
                "the text before this was read as `root = {written}{more}`, \
                 which only stands alone; to chain on, end the line before with a dot or operator"
            )));
        }
        let kind = StatementKind::Assign { target: Target::Root(Vec::new()), value };
        Ok(vec![Statement { line: 1, kind }])
    }

    /// `from "file"`: the mapping is what the file says.
    fn single_import(&mut self) -> Result<Option<Vec<Statement>>, Fail> {
        let start = self.blank(0);
        let Ok(end) = self.term(start, "from") else { return Ok(None) };
        let Ok(quote) = self.some_spaces(end) else { return Ok(None) };
        let (file, end) = match self.quoted_text(quote) {
            Ok(read) => read,
            Err(fail) if fail.fatal => return Err(fail),
            Err(_) => return Ok(None),
        };
        let span = Span { start, end };
        let (statements, maps, slots) = self.import(&file, 0, span)?;
        let rest = self.blank(end);
        if rest < self.text.len() {
            let message = "nothing may follow a `from` import".to_owned();
            let span = Span { start: rest, end: rest + self.word_at(rest).len() };
            return Err(Fail::semantic(0, "import", message, span)
                .hint("use `import` to take maps from a file"));
        }
        self.maps = maps;
        self.slots = slots;
        Ok(Some(statements))
    }

    fn statement(&mut self, at: usize, block: Block) -> Parsed<Option<Statement>> {
        self.nested(at, |this| {
            if block.imports_and_maps {
                match one_of!(this.import_statement(at), this.map_statement(at)) {
                    Ok(((), end)) => return Ok((None, end)),
                    Err(fail) if fail.fatal => return Err(fail),
                    Err(fail) => {
                        return this
                            .plain_statement(at, block)
                            .map_err(|other| if other.fatal { other } else { fail.or(other) });
                    }
                }
            }
            this.plain_statement(at, block)
        })
        .map_err(|fail| {
            let is_start = fail.at == at;
            if is_start { fail.as_expected("import, map, or assignment") } else { fail }
        })
    }

    fn plain_statement(&mut self, at: usize, block: Block) -> Parsed<Option<Statement>> {
        let (kind, end) = one_of!(
            self.let_statement(at),
            self.meta_statement(at, block),
            self.assignment(at),
            self.if_statement(at, block),
        )?;
        let (line, _) = position(&self.text[block.origin..], at - block.origin);
        Ok((Some(Statement { line, kind }), end))
    }

    /// `import "file"`: takes the maps of another file.
    fn import_statement(&mut self, at: usize) -> Parsed<()> {
        let start = self.some_spaces(self.term(at, "import")?)?;
        let (file, end) =
            self.quoted_text(start).map_err(|fail| fail.as_expected("filepath").required())?;
        let span = Span { start, end };
        let (_, maps, _) = self.import(&file, at, span)?;
        if maps.is_empty() {
            let message = format!("there are no maps to import in `{file}`");
            return Err(Fail::semantic(at, "import", message, span));
        }
        let mut collisions: Vec<&str> = maps
            .keys()
            .filter(|name| self.maps.contains_key(*name))
            .map(EcoString::as_str)
            .collect();
        if !collisions.is_empty() {
            collisions.sort_unstable();
            let message =
                format!("`{file}` defines maps that exist already: {}", collisions.join(", "));
            return Err(Fail::semantic(at, "import", message, span));
        }
        self.maps.extend(maps);
        Ok(((), end))
    }

    /// Reads and compiles another file.
    fn import(
        &mut self,
        file: &str,
        at: usize,
        span: Span,
    ) -> Result<(Vec<Statement>, crate::program::Maps, Slots), Fail> {
        let failed = |message: String| Fail::semantic(at, "import", message, span);
        if self.imports == MAX_IMPORTS {
            return Err(failed(format!("importing `{file}`: too many files import one another")));
        }
        let path = join(self.environment.directory(), file);
        let content = self
            .environment
            .host()
            .read_program(&path)
            .map_err(|error| failed(format!("failed to read import: {error}")))?;
        let content = String::from_utf8_lossy(&content).into_owned();
        let directory = directory_of(self.environment.directory(), file);
        let environment = self.environment.clone().with_directory(&directory);
        let mut inner = Parser::new(&content, &environment);
        inner.imports = self.imports + 1;
        match inner.executor() {
            Ok(statements) => {
                for name in &inner.placeholders {
                    self.note_placeholder(name);
                }
                Ok((statements, inner.maps, inner.slots))
            }
            Err(fail) => {
                let mut diagnostic = inner.diagnostic(fail);
                diagnostic.file = Some(file.to_owned());
                let mut fail = failed(format!("failed to parse import '{file}'"));
                fail.problem.imported = Some(diagnostic);
                Err(fail)
            }
        }
    }

    /// `map name { statements }`
    fn map_statement(&mut self, at: usize) -> Parsed<()> {
        let start = self.some_spaces(self.term(at, "map")?)?;
        let (name, end) = one_of!(
            self.quoted_text(start),
            self.name(start, "").map(|(name, end)| (name.to_owned(), end)),
        )
        .map_err(|fail| fail.as_expected("map name").required())?;
        let name_span = Span { start, end };
        let open = self.some_spaces(end)?;
        let slots = std::mem::take(&mut self.slots);
        let block = Block { origin: at, imports_and_maps: false, metadata: false };
        let body = self.statement_block(open, block);
        let own = std::mem::replace(&mut self.slots, slots);
        let (statements, end) = body?;
        let name = EcoString::from(name);
        if self.maps.contains_key(&name) {
            let message = format!("the map `{name}` exists already");
            return Err(Fail::semantic(at, "map-name", message, name_span));
        }
        let body = MapBody { name: name.clone(), statements, variables: own.0.into() };
        self.maps.insert(name, Arc::new(body));
        Ok(((), end))
    }

    fn statement_block(&mut self, at: usize, block: Block) -> Parsed<Vec<Statement>> {
        let open = self.blank(self.term(at, "{")?);
        let (statements, end) = self.delimited(
            open,
            |this, at| this.statement(at, block),
            |this, at| Ok(this.blank(this.line_break(this.spaces(at))?)),
            |this, at| this.term(this.blank(at), "}"),
        )?;
        Ok((statements.into_iter().flatten().collect(), end))
    }

    /// `let name = query`
    fn let_statement(&mut self, at: usize) -> Parsed<StatementKind> {
        let end = self.term(at, "let").map_err(|fail| fail.as_expected("assignment"))?;
        let start = self.some_spaces(end)?;
        let (name, end) = one_of!(
            self.quoted_text(start),
            self.name(start, "").map(|(name, end)| (name.to_owned(), end)),
        )
        .map_err(|fail| fail.as_expected("variable name").required())?;
        let equals = self.term(self.some_spaces(end)?, "=")?;
        let (value, end) = self.query(self.some_spaces(equals)?)?;
        let target = Target::Variable(self.slots.slot(&name));
        Ok((StatementKind::Assign { target, value }, end))
    }

    /// `meta name = query`, or `meta = query` for all metadata
    fn meta_statement(&mut self, at: usize, block: Block) -> Parsed<StatementKind> {
        let end = self.term(at, "meta").map_err(|fail| fail.as_expected("assignment"))?;
        let start = self.some_spaces(end)?;
        let (key, end) = match self.peek(start) {
            Some(b'"') => {
                let (name, end) = self.quoted_text(start)?;
                (Some(EcoString::from(name)), end)
            }
            _ => match self.name(start, "") {
                Ok((name, end)) => (Some(name.into()), end),
                Err(_) => (None, start),
            },
        };
        let equals = self.term(self.spaces(end), "=")?;
        let (value, end) = self.query(self.some_spaces(equals)?)?;
        if !block.metadata {
            let message = "metadata cannot be set inside a map".to_owned();
            return Err(Fail::semantic(at, "metadata", message, Span { start: at, end })
                .hint("return the value from the map and assign it where the map is applied"));
        }
        Ok((StatementKind::Assign { target: Target::Metadata(key), value }, end))
    }

    /// `path = query`
    fn assignment(&mut self, at: usize) -> Parsed<StatementKind> {
        let (mut keys, end) = self.target_path(at)?;
        let equals = self.term(self.some_spaces(end)?, "=")?;
        let (value, end) = self.query(self.some_spaces(equals)?)?;
        if keys.first().is_some_and(|first| first == "root") {
            keys.remove(0);
        }
        Ok((StatementKind::Assign { target: Target::Root(keys), value }, end))
    }

    fn target_path(&self, at: usize) -> Parsed<Vec<EcoString>> {
        let (first, end) = self.name(at, "assignment")?;
        let mut keys = vec![EcoString::from(first)];
        match self.target_tail(end) {
            Ok((tail, end)) => {
                keys.extend(tail);
                Ok((keys, end))
            }
            Err(fail) if fail.fatal => Err(fail),
            Err(_) => Ok((keys, end)),
        }
    }

    fn target_tail(&self, at: usize) -> Parsed<Vec<EcoString>> {
        let mut keys = Vec::new();
        let mut at = self.term(at, ".")?;
        loop {
            let (key, end) = one_of!(
                self.quoted_text(at),
                self.name(at, "target path").map(|(name, end)| (name.to_owned(), end)),
            )?;
            keys.push(EcoString::from(key));
            match self.term(end, ".") {
                Ok(next) => at = next,
                Err(_) => return Ok((keys, end)),
            }
        }
    }

    /// `if condition { statements } else if condition { statements } else { statements }`
    fn if_statement(&mut self, at: usize, block: Block) -> Parsed<StatementKind> {
        let end = self.term(at, "if").map_err(|fail| fail.as_expected("assignment"))?;
        let start = self.some_spaces(end)?;
        let block = Block { imports_and_maps: false, metadata: true, ..block };
        let (branch, mut end) = self.if_branch(start, block)?;
        let mut branches = vec![branch];
        while let Some(start) = self.else_if(end) {
            match self.if_branch(start, block) {
                Ok((branch, next)) => {
                    branches.push(branch);
                    end = next;
                }
                Err(fail) if fail.fatal => return Err(fail),
                Err(_) => break,
            }
        }
        if let Ok(start) = self.term(self.blank(end), "else") {
            match self.statement_block(self.blank(start), block) {
                Ok((statements, next)) => {
                    branches.push((None, statements));
                    end = next;
                }
                Err(fail) if fail.fatal => return Err(fail),
                Err(_) => {}
            }
        }
        Ok((StatementKind::If(branches), end))
    }

    fn if_branch(&mut self, at: usize, block: Block) -> Parsed<(Option<Expr>, Vec<Statement>)> {
        let (condition, end) = self.query(at).map_err(Fail::required)?;
        let (statements, end) = self.statement_block(self.blank(end), block)?;
        Ok(((Some(condition), statements), end))
    }

    /// Looks for further problems behind the first one: each later line that can only be the
    /// beginning of a statement is read on its own.
    pub(super) fn find_more_problems(&mut self, all: &mut Vec<Diagnostic>) {
        let Some(first) = all.first() else { return };
        let mut at = first.span.end.min(self.text.len());
        let block = Block { origin: 0, imports_and_maps: true, metadata: true };
        while all.len() < MAX_PROBLEMS {
            let Some(start) = self.next_statement(at) else { return };
            match self.statement(start, block) {
                Ok((_, end)) => at = end,
                Err(fail) => {
                    at = fail.at.max(start + 1);
                    if fail.fatal && fail.problem.code != "syntax" {
                        let diagnostic = self.diagnostic(fail);
                        if !all.contains(&diagnostic) {
                            all.push(diagnostic);
                        }
                    }
                }
            }
        }
    }

    /// The next line behind `at` that begins at the left edge with an assignment.
    fn next_statement(&self, at: usize) -> Option<usize> {
        let mut at = at;
        loop {
            at += self.text.get(at..)?.find('\n')? + 1;
            let is_statement = ["root", "let ", "meta ", "if "]
                .iter()
                .any(|word| self.text[at..].starts_with(word))
                || self
                    .target_path(at)
                    .is_ok_and(|(_, end)| self.text[self.spaces(end)..].starts_with("= "));
            if is_statement {
                return Some(at);
            }
        }
    }
}
