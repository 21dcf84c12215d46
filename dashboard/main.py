"""The frame of every page: navigation, title, header."""

import streamlit as st

st.set_page_config(page_title="Descent Lab", page_icon=":material/moving:", layout="wide")

page = st.navigation([st.Page("views/train.py", title="Train", icon=":material/moving:", default=True)], position="top")
st.markdown("### Descent Lab\n:gray[One small network, and everything about how it learns.]")
page.run()
