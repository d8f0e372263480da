//! What came of running cases.

use std::fmt;

/// One case that did not yield what was recorded.
#[derive(Clone, Debug)]
pub struct Failure {
    pub file: String,
    pub name: String,
    /// The mapping or template.
    pub program: String,
    pub expected: String,
    pub actual: String,
}

/// What came of all cases of some files.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub passed: usize,
    pub failures: Vec<Failure>,
}

impl Report {
    pub fn merge(&mut self, other: Report) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
    }

    pub fn total(&self) -> usize {
        self.passed + self.failures.len()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} / {}", self.file, self.name)?;
        for line in self.program.lines() {
            writeln!(f, "    | {line}")?;
        }
        writeln!(f, "    - {}", self.expected)?;
        writeln!(f, "    + {}", self.actual)
    }
}
