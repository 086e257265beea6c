package git

// SetMaxPacks sets where a mirror is renewed.
func (r *Repository) SetMaxPacks(n int) { r.remote.(*mirror).maxPacks = n }

// SetMinSpare sets how much may come in before a mirror is renewed.
func (r *Repository) SetMinSpare(n int64) { r.remote.(*mirror).minSpare = n }

// ForgetCaches has everything read from the disk again.
func (r *Repository) ForgetCaches() {
	_ = r.store.swap(func() error {
		r.store.forget()
		r.store.fresh, r.store.older, r.store.size = nil, nil, 0
		return nil
	})
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	r.cache.folders = generations[[]entry]{}
	r.cache.parents = generations[[]Hash]{}
}
