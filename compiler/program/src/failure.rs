//! Why the program ends without having done its work.

use std::any::Any;

use nn2hdl_compiler::diagnostic::Diagnostic;

/// What went wrong, and the exit status that says so.
#[derive(Debug)]
pub struct Failure {
    /// 1: the work could not be done; 2: wrong usage.
    pub exit: u8,
    /// The file that the problems are about, if it is one.
    pub file: Option<String>,
    /// Every problem found.
    pub problems: Vec<Diagnostic>,
}

impl Failure {
    /// One problem.
    pub fn new(
        code: &'static str,
        node: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { exit: 1, file: None, problems: vec![Diagnostic::new(code, node, message, help)] }
    }

    /// Arguments that make no sense.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit: 2, ..Self::new("usage", "", message, help) }
    }

    /// A file that could not be read or written.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new("file", path.display().to_string(), error.to_string(), "")
    }

    /// A fault of nn2hdl itself.
    pub fn internal(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Self::new(
            "internal",
            "",
            text,
            "this is a bug in nn2hdl; please report it with the model and the command line",
        )
    }

    /// The same, about a file.
    #[must_use]
    pub fn about(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }
}

impl From<Diagnostic> for Failure {
    fn from(problem: Diagnostic) -> Self {
        vec![problem].into()
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(problems: Vec<Diagnostic>) -> Self {
        Self { exit: 1, file: None, problems }
    }
}
