export { EditorView, keymap, lineNumbers, highlightActiveLine, highlightActiveLineGutter, drawSelection, highlightSpecialChars } from "@codemirror/view";
export { EditorState, Compartment } from "@codemirror/state";
export { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
export { bracketMatching, indentOnInput, foldGutter, syntaxHighlighting, HighlightStyle, indentUnit } from "@codemirror/language";
export { autocompletion, completionKeymap, completeFromList, closeBrackets } from "@codemirror/autocomplete";
export { linter, lintGutter, setDiagnostics, lintKeymap } from "@codemirror/lint";
export { cpp } from "@codemirror/lang-cpp";
export { tags } from "@lezer/highlight";
