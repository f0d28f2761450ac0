//! Files that could not be read.

use crate::{Area, Code, code};

pub(crate) const AREA: Area = Area {
    title: "Documents",
    note: "These stand in `last_error` of a file in a knowledge base. The file can be added again after the cause is gone.",
    codes: CODES,
};

const CODES: &[Code] = &[
    code(
        "empty_file",
        &[],
        ["The file is empty.", "Choose a file with content."],
        ["这个文件是空的。", "请选择有内容的文件。"],
    ),
    code(
        "no_text",
        &[],
        ["No text was found in the file; it may be a scan.", "Run text recognition (OCR) on it and upload it again."],
        ["文件里没有可读取的文字，可能是扫描件。", "请先做文字识别（OCR）再上传。"],
    ),
    code(
        "no_walls",
        &[],
        [
            "Files are not read on this machine, because its kernel cannot keep a reader in.",
            "Use a kernel with seccomp.",
        ],
        ["这台机器的内核无法隔离文件读取程序，因此不读取文件。", "请使用支持 seccomp 的内核。"],
    ),
    code(
        "parse_memory",
        &[],
        ["Reading the file needed too much memory.", "Split it, or save it anew; or raise the limit in `[knowledge]`."],
        ["读取这个文件所需内存过大。", "请拆分或另存后再上传，或在 `[knowledge]` 中调高上限。"],
    ),
    code(
        "parse_timeout",
        &[],
        ["Reading the file took too long.", "Split it into smaller files, or raise the limit in `[knowledge]`."],
        ["读取这个文件用时过长。", "请拆分成较小的文件，或在 `[knowledge]` 中调高上限。"],
    ),
    code(
        "pdf_broken",
        &[],
        ["The PDF is damaged and cannot be opened.", "Open it in a viewer, print it to a new PDF and upload that."],
        ["PDF 已损坏，无法打开。", "请用阅读器打开，另存为新的 PDF 后再上传。"],
    ),
    code(
        "pdf_encrypted",
        &[],
        ["The PDF is protected by a password.", "Save a copy without the password and upload that."],
        ["这个 PDF 设有密码。", "请另存为不带密码的副本后再上传。"],
    ),
    code(
        "too_large",
        &[413],
        [
            "The file or the request is larger than the server takes.",
            "Split it, or ask an administrator to raise the limit.",
        ],
        ["文件或请求太大，服务器无法接收。", "请拆分，或请管理员调高上限。"],
    ),
    code(
        "unsupported_type",
        &[],
        ["This kind of file cannot be read.", "Upload PDF, HTML, Markdown, CSV or plain text."],
        ["不支持这种文件。", "请上传 PDF、HTML、Markdown、CSV 或纯文本文件。"],
    ),
];
