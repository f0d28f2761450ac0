//! Finds every error code that the sources can say.
//!
//! A code is a string, and strings are made anywhere; so the sources are parsed, and each place where a code is given
//! is looked at: the bodies of `fn code`, fields and arguments named `code`, `"code":` in JSON, and variables named
//! `code`. What is passed on from elsewhere is no literal and is found where it was made. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, FnArg, Lit, Member, Pat, ReturnType, Type};

/// Where a code stands: `path:line`.
pub(super) type Places = BTreeMap<String, BTreeSet<String>>;

/// A source file: its path as a reader knows it, and its text.
pub(super) type Source = (String, String);

/// The codes that `sources` say, each with every place where it is made.
///
/// # Errors
/// The sentence of the parser when a file is no Rust.
pub(super) fn codes(sources: &[Source]) -> Result<Places, String> {
    let mut parsed = Vec::new();
    for (path, text) in sources {
        let file = syn::parse_file(text).map_err(|error| format!("{path}: {error}"))?;
        parsed.push((path, file));
    }
    let mut takers = Takers::default();
    for (_, file) in &parsed {
        takers.visit_file(file);
    }
    let mut found = Places::new();
    for (path, file) in &parsed {
        let mut seeker = Seeker { path, takers: &takers.by_name, found: &mut found, in_kind: false };
        seeker.visit_file(file);
    }
    Ok(found)
}

/// Whether `word` is made as codes are.
fn is_code(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.len() > 2
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        syn::Meta::Path(path) => path.segments.last().is_some_and(|last| last.ident == "test"),
        syn::Meta::NameValue(_) => false,
    })
}

/// Functions with an argument named `code`, and at which place they take it.
#[derive(Default)]
struct Takers {
    by_name: BTreeMap<String, BTreeSet<usize>>,
}

impl<'ast> Visit<'ast> for Takers {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        let typed = signature.inputs.iter().filter_map(|argument| match argument {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        for (idx, argument) in typed.enumerate() {
            // What is written into, or is a program, is no word.
            let is_word = !matches!(&*argument.ty, Type::Reference(to) if to.mutability.is_some());
            if is_word && matches!(&*argument.pat, Pat::Ident(name) if name.ident == "code") {
                self.by_name.entry(signature.ident.to_string()).or_default().insert(idx);
            }
        }
    }
}

struct Seeker<'a> {
    path: &'a str,
    takers: &'a BTreeMap<String, BTreeSet<usize>>,
    found: &'a mut Places,
    /// Inside `impl Kind`.
    in_kind: bool,
}

impl Seeker<'_> {
    fn add(&mut self, word: &str, span: Span) {
        if is_code(word) {
            let place = format!("{}:{}", self.path, span.start().line);
            self.found.entry(word.to_owned()).or_default().insert(place);
        }
    }

    /// Every literal below `expr` that may become its value.
    fn take(&mut self, expr: &Expr) {
        Literals { seeker: self }.visit_expr(expr);
    }

    /// The part of tuples below `expr` that is bound to `code`.
    fn take_part(&mut self, expr: &Expr, idx: usize) {
        Tuples { seeker: self, idx }.visit_expr(expr);
    }

    fn arguments<'e>(&mut self, name: &str, arguments: impl Iterator<Item = &'e Expr>) {
        let Some(places) = self.takers.get(name) else { return };
        for (_, argument) in arguments.enumerate().filter(|(idx, _)| places.contains(idx)) {
            self.take(argument);
        }
    }

    fn returns_code(signature: &syn::Signature) -> bool {
        let names = signature.ident == "code";
        let is_text = matches!(&signature.output, ReturnType::Type(_, kind) if matches!(&**kind,
            Type::Reference(to) if matches!(&*to.elem, Type::Path(path) if path.path.is_ident("str"))));
        names && is_text
    }

    /// `"code": ...` in JSON that a macro writes.
    fn tokens(&mut self, tokens: TokenStream) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut idx = 0;
        while idx < trees.len() {
            let is_colon = matches!(trees.get(idx + 1), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
            if is_colon && text(&trees[idx]).as_deref() == Some("code") {
                idx += 2;
                while let Some(tree) = trees.get(idx) {
                    match tree {
                        TokenTree::Punct(punct) if punct.as_char() == ',' => break,
                        tree => self.value(tree),
                    }
                    idx += 1;
                }
            } else if let TokenTree::Group(group) = &trees[idx] {
                self.tokens(group.stream());
            }
            idx += 1;
        }
    }

    fn value(&mut self, tree: &TokenTree) {
        match tree {
            TokenTree::Literal(literal) => {
                if let Some(word) = text(tree) {
                    self.add(&word, literal.span());
                }
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                group.stream().into_iter().for_each(|inner| self.value(&inner));
            }
            TokenTree::Group(_) | TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

fn text(tree: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = tree else { return None };
    match syn::parse_str::<Lit>(&literal.to_string()) {
        Ok(Lit::Str(word)) => Some(word.value()),
        _ => None,
    }
}

impl<'ast> Visit<'ast> for Seeker<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if is_test(&item.attrs) {
            return;
        }
        if Self::returns_code(&item.sig) {
            self.take(&Expr::Block(block(&item.block)));
        }
        visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.in_kind = matches!(&*item.self_ty, Type::Path(path) if path.path.is_ident("Kind"));
        visit::visit_item_impl(self, item);
        self.in_kind = false;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        // The name of a kind of failure is the code of those that have none of their own.
        let names_kind = self.in_kind && item.sig.ident == "name";
        if names_kind || Self::returns_code(&item.sig) {
            self.take(&Expr::Block(block(&item.block)));
        }
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if matches!(&field.member, Member::Named(name) if name == "code") {
            self.take(&field.expr);
        }
        visit::visit_field_value(self, field);
    }

    fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
        if matches!(&*assign.left, Expr::Field(field) if matches!(&field.member, Member::Named(name) if name == "code"))
        {
            self.take(&assign.right);
        }
        visit::visit_expr_assign(self, assign);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let Some(init) = &local.init {
            let pattern = match &local.pat {
                Pat::Type(typed) => &*typed.pat,
                other => other,
            };
            match pattern {
                Pat::Ident(name) if name.ident == "code" => self.take(&init.expr),
                Pat::Tuple(parts) => {
                    let at =
                        parts.elems.iter().position(|part| matches!(part, Pat::Ident(name) if name.ident == "code"));
                    if let Some(idx) = at {
                        self.take_part(&init.expr, idx);
                    }
                }
                _ => {}
            }
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
        {
            self.arguments(&last.ident.to_string(), call.args.iter());
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.arguments(&call.method.to_string(), call.args.iter());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }
}

fn block(body: &syn::Block) -> syn::ExprBlock {
    syn::ExprBlock { attrs: Vec::new(), label: None, block: body.clone() }
}

/// All string literals of an expression that can be its value: no patterns, no keys, no conditions.
struct Literals<'s, 'a> {
    seeker: &'s mut Seeker<'a>,
}

impl<'ast> Visit<'ast> for Literals<'_, '_> {
    fn visit_pat(&mut self, _: &'ast Pat) {}
    fn visit_expr_index(&mut self, _: &'ast syn::ExprIndex) {}
    fn visit_macro(&mut self, _: &'ast syn::Macro) {}
    fn visit_expr_binary(&mut self, _: &'ast syn::ExprBinary) {}
    fn visit_expr_match(&mut self, item: &'ast syn::ExprMatch) {
        item.arms.iter().for_each(|arm| self.visit_expr(&arm.body));
    }
    fn visit_expr_if(&mut self, item: &'ast syn::ExprIf) {
        self.visit_block(&item.then_branch);
        if let Some((_, other)) = &item.else_branch {
            self.visit_expr(other);
        }
    }
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        // What a function makes of its arguments is not known; `Some`, `String::from` and the like keep them.
        let keeps = |name: &str| name.starts_with(char::is_uppercase) || name == "from" || name == "into";
        if matches!(&*call.func, Expr::Path(path)
            if path.path.segments.last().is_some_and(|last| keeps(&last.ident.to_string())))
        {
            call.args.iter().for_each(|argument| self.visit_expr(argument));
        }
    }
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.visit_expr(&call.receiver);
        if call.method.to_string().starts_with("unwrap_or") || call.method.to_string().starts_with("map_or") {
            call.args.iter().for_each(|argument| self.visit_expr(argument));
        }
    }
    fn visit_lit_str(&mut self, word: &'ast syn::LitStr) {
        self.seeker.add(&word.value(), word.span());
    }
}

struct Tuples<'s, 'a> {
    seeker: &'s mut Seeker<'a>,
    idx: usize,
}

impl<'ast> Visit<'ast> for Tuples<'_, '_> {
    fn visit_expr_tuple(&mut self, tuple: &'ast syn::ExprTuple) {
        if let Some(part) = tuple.elems.iter().nth(self.idx) {
            self.seeker.take(part);
        }
    }
}
